/** Reads and changes the run-time settings, and ends every session, for an operator. */
import type { OperatorSettings } from '../../settings/run-time-settings.ts'
import type { SettingsChange } from '../../settings/settings-store.ts'
import { actorName, type RequestContext } from '../request-context.ts'

/** @throws {ServiceError} `unavailable` */
export function getSettings({ services, nowMs }: RequestContext): Promise<OperatorSettings> {
  return services.settings.latest(nowMs)
}

/**
 * Changes the given settings. All others keep their values.
 * @returns all settings after the change
 * @throws {ServiceError} `unavailable`
 */
export function changeSettings(ctx: RequestContext, change: SettingsChange): Promise<OperatorSettings> {
  ctx.addToRequestLog({ fields: fieldNames(change) })
  return ctx.services.settings.change(change, operatorName(ctx), ctx.nowMs)
}

/** Ends the sessions of all accounts. @throws {ServiceError} `unavailable` */
export function endEverySession(ctx: RequestContext): Promise<void> {
  return ctx.services.settings.endEverySession(operatorName(ctx), ctx.nowMs)
}

function operatorName({ actor }: RequestContext): string {
  return actorName(actor) ?? actor.kind
}

/** @returns the names of the fields that a change sets, such as `rules.login_failures_per_ip.threshold`; the schemas check each */
function fieldNames(change: object): readonly string[] {
  return Object.entries(change).flatMap(([name, value]) => {
    if (value === undefined) return []
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isTable ? fieldNames(value).map((nested) => `${name}.${nested}`) : [name]
  })
}

/** The state of one isolate: settings are read and checked once, and the app is built once. */
import { maintain } from './actions/admin/maintain.ts'
import { type Actor, NO_REQUESTER, type RequestContext } from './actions/request-context.ts'
import { createApp, createMisconfiguredApp } from './app.ts'
import type { Env } from './config/env.ts'
import { isVariable, misspeltNames } from './config/misspelt.ts'
import { readConfig } from './config/read-config.ts'
import { log } from './runtime/log.ts'
import { createServices } from './services.ts'

interface Isolate {
  readonly app: ReturnType<typeof createApp>
  /** Does one cron run, for the trigger with this cron expression. */
  readonly maintain: (execution: ExecutionContext, trigger: string) => Promise<void>
  /** The context of one RPC; null if the deployment is misconfigured. */
  readonly rpcContext: (execution: ExecutionContext) => RequestContext | null
}

const isolates = new WeakMap<Env, Isolate>()

export function isolateFor(env: Env): Isolate {
  const isolate = isolates.get(env) ?? build(env)
  isolates.set(env, isolate)
  return isolate
}

/** A deployer chooses the names of bindings freely. */
function reportMisspeltNames(env: Env): void {
  const variables = Object.entries(env).filter(([, value]) => isVariable(value))
  for (const { variable, meant } of misspeltNames(variables.map(([name]) => name)))
    log('warn', 'setting_unknown', { variable, meant })
}

function build(env: Env): Isolate {
  reportMisspeltNames(env)
  const result = readConfig(env)
  if (!result.ok) {
    const { problems } = result
    return {
      app: createMisconfiguredApp(result),
      maintain: async () => log('error', 'misconfigured', { problems }),
      rpcContext: () => {
        log('error', 'misconfigured', { problems })
        return null
      },
    }
  }
  const services = createServices(env, result.config)
  const contextFor = (execution: ExecutionContext, actor: Actor): RequestContext => ({
    services,
    nowMs: Date.now(),
    requestId: undefined,
    requester: NO_REQUESTER,
    actor,
    reportLimit: () => undefined,
    addToRequestLog: () => undefined,
    waitUntil: (work) => execution.waitUntil(work),
  })
  return {
    app: createApp(result.config, services),
    maintain: (execution, trigger) => maintain(contextFor(execution, { kind: 'cron' }), trigger),
    rpcContext: (execution) => contextFor(execution, { kind: 'anonymous' }),
  }
}

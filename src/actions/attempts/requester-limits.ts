/** The requester of an attempt, the counter of its address, and the rules that apply to it. */
import { ServiceError } from '../../errors/service-error.ts'
import { digestOf } from '../../limits/counter-keys.ts'
import type { RequesterAddress } from '../../limits/requester-address.ts'
import type { LimitRule } from '../../limits/rules.ts'
import type { Limit } from '../../limits/window.ts'
import type { RequestContext } from '../request-context.ts'

export interface RequesterCounter {
  readonly address: RequesterAddress
  /** The name of the counter of this address. */
  readonly counter: string
}

/** @returns the part of a rule that its counter needs */
export function limitOf({ window_seconds, threshold }: LimitRule): Limit {
  return { windowMs: window_seconds * 1000, threshold }
}

/** @throws {ServiceError} `client_ip_unknown`, because an attempt is never counted for a guessed address; `unavailable` */
export async function requesterCounter(ctx: RequestContext): Promise<RequesterCounter> {
  const { address } = ctx.requester
  if (address === null) throw new ServiceError('client_ip_unknown')
  const counter = await ctx.services.counterKeys.ofRequester(address.counted, ctx)
  ctx.addToRequestLog({ addressDigest: digestOf(counter) })
  return { address, counter }
}

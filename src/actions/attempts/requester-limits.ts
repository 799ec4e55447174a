/** The requester of an attempt, the counter of its address, and the rules that apply to it. */
import { ServiceError } from '../../errors/service-error.ts'
import { digestOf } from '../../limits/counter-keys.ts'
import type { RequesterAddress } from '../../limits/requester-address.ts'
import type { LimitRule } from '../../limits/rules.ts'
import type { Limit } from '../../limits/window.ts'
import type { Services } from '../../services.ts'

/** Where a request comes from. */
export interface Requester {
  /** Null if the deployment does not provide it. */
  readonly address: RequesterAddress | null
  readonly userAgent: string | null
  readonly location: GeoLocation
}

/** Where Cloudflare locates an address; null if unknown. */
export interface GeoLocation {
  /** ISO 3166-1 alpha-2, or `T1` for the Tor network. */
  readonly country: string | null
  readonly city: string | null
}

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
export async function requesterCounter(
  { counterKeys, addToRequestLog }: Services,
  { address }: Requester,
): Promise<RequesterCounter> {
  if (address === null) throw new ServiceError('client_ip_unknown')
  const counter = await counterKeys.ofRequester(address.counted)
  addToRequestLog({ addressDigest: digestOf(counter) })
  return { address, counter }
}

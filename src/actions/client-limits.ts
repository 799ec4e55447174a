/** Whom a call counts against. */
import type { LimitRule } from '../config/limits.ts'
import { ServiceError } from '../errors.ts'
import type { ClientAddress } from '../limits/client-ip.ts'
import type { Services } from '../services.ts'

/** Where a call comes from. */
export interface Client {
  /** Null where the deployment does not say. */
  readonly address: ClientAddress | null
  readonly userAgent: string | null
}

export interface ClientCounter {
  readonly address: ClientAddress
  /** Its counter's name. */
  readonly counter: string
}

/** @throws {ServiceError} `client_ip_unknown`: nothing is counted under a guess; `unavailable` */
export async function clientCounter({ counterNames }: Services, { address }: Client): Promise<ClientCounter> {
  if (address === null) throw new ServiceError('client_ip_unknown')
  return { address, counter: await counterNames.ofClient(address.counted) }
}

/** An address that tells nobody from anybody finds every threshold reached. */
export function clientRule(rule: LimitRule, { shared }: ClientAddress): LimitRule {
  return shared ? { ...rule, threshold: 0 } : rule
}

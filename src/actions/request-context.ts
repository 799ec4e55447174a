/** What a use case gets: the services of its isolate, and what belongs to this one request, RPC or cron run. */

import type { LimitStatus } from '../limits/counter-rpc.ts'
import type { RequesterAddress } from '../limits/requester-address.ts'
import type { RuleName } from '../limits/rules.ts'
import type { Limit } from '../limits/window.ts'
import type { Services } from '../services.ts'
import type { ActiveSession } from '../sessions/account-rpc.ts'

export interface RequestContext<A extends Actor = Actor> {
  readonly services: Services
  /** When the request, the RPC or the cron run began, or when the request's body was complete: unix milliseconds. */
  readonly nowMs: number
  /** For log lines; undefined for RPCs and cron. */
  readonly requestId: string | undefined
  readonly requester: Requester
  readonly actor: A
  /** Lets work continue after the response, or after the caller has disconnected. */
  readonly waitUntil: (work: Promise<unknown>) => void
  /** Reports the requester's limit status, for the headers of the response. */
  readonly reportLimit: (report: LimitReport) => void
  /** Adds fields to the request's log line. They never appear in the response. */
  readonly addToRequestLog: (fields: RequestLogFields) => void
}

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

/** For RPCs and cron, which have no requester. */
export const NO_REQUESTER: Requester = {
  address: null,
  userAgent: null,
  location: { country: null, city: null },
}

/** Who acts, once the request has been authenticated. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | AccountActor
  /** An OAuth client that authenticated with its secret, or the service's own public client. */
  | { readonly kind: 'client'; readonly clientId: string }
  | { readonly kind: 'admin_token' }
  | { readonly kind: 'cron' }

/** An account, by one of its sessions. */
export interface AccountActor extends ActiveSession {
  readonly kind: 'account'
}

/** The context of an action of a logged-in account. */
export type AccountContext = RequestContext<AccountActor>

/** @returns the actor's name in the log and in records of changes: an account's id, `client:<id>`, `admin_token` or `cron` */
export function actorName(actor: Actor): string | undefined {
  if (actor.kind === 'account') return actor.profile.id
  if (actor.kind === 'client') return `client:${actor.clientId}`
  return actor.kind === 'anonymous' ? undefined : actor.kind
}

export interface LimitReport {
  readonly name: RuleName
  readonly limit: Limit
  readonly status: LimitStatus
}

/** What the log line of a request contains in addition to the request itself, if it is known. */
export interface RequestLogFields {
  /** The account that the request is about, even if the request is refused. For an administrator, the one that is changed. */
  readonly accountId?: string | undefined
  /** The session of the request, or the one that it opened. */
  readonly sessionId?: string | undefined
  /** The OAuth client that sent the request, whose secret was incorrect, or that the request changes. */
  readonly clientId?: string | undefined
  /** The requester's address, as the digest of its counter's name (digestOf). */
  readonly addressDigest?: string | undefined
  /** The identifier, as the digest of its counter's name (digestOf). */
  readonly identifierDigest?: string | undefined
  /** The names of the fields that a change sets, never their values. */
  readonly fields?: readonly string[]
}

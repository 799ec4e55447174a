/** What a Worker and a counter say to each other. How long it stays compatible: sessions/session.ts. */
import type { RuleName } from '../config/limits.ts'
import type { Limit } from './window.ts'

export interface ReserveRequest {
  readonly rule: RuleName
  readonly limit: Limit
  /** The attempt's, made by the Worker. */
  readonly id: string
  /** Whether it waits while only pending attempts stand in its way. */
  readonly waits: boolean
}

export interface Reservation {
  readonly admitted: boolean
  readonly status: LimitStatus
}

export interface ProveRequest {
  readonly rule: RuleName
  readonly limit: Limit
  readonly id: string
  /** How dear the solved challenge was. */
  readonly level: number
}

export interface SettleRequest {
  readonly rule: RuleName
  readonly limit: Limit
  readonly id: string
  readonly outcome: Outcome
  /** Whether a solved challenge let the attempt through, and no place that it holds. */
  readonly challenged: boolean
}

export type Outcome =
  | { readonly kind: 'counted'; readonly account: string }
  /** Clears one account's failures, or everything (null). */
  | { readonly kind: 'cleared'; readonly account: string | null }
  /** Neither counts nor clears; what was stored when it was reserved is taken back. */
  | { readonly kind: 'void' }

export interface Settlement {
  /**
   * False where the object knows nothing of the attempt (it lost its memory, or the reservation lapsed) and would
   * not let it through now: nobody may learn how it went.
   */
  readonly settled: boolean
  readonly status: LimitStatus
}

/** How a key stands with a rule. */
export interface LimitStatus {
  /** Whether what counts fills the threshold. */
  readonly exhausted: boolean
  /** Attempts that would be let through now. */
  readonly remaining: number
  /** Until `remaining` grows by itself. */
  readonly resetInMs: number
  /** How dear a challenge is: 0 to MAX_DIFFICULTY. */
  readonly level: number
}

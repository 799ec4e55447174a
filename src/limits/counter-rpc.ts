/** The arguments and results of a counter's RPCs. How long they stay compatible: sessions/session.ts. */
import type { RuleName } from './rules.ts'
import type { Limit } from './window.ts'

/** What a counter is told of a rule. It compares no names. */
export interface CounterRule {
  /** The key under which the rule's events are stored. */
  readonly name: RuleName
  readonly limit: Limit
  /**
   * `reservation`: an attempt counts from its reservation on, until it is released. `failure`: once it is settled as counted.
   */
  readonly recordedAt: 'reservation' | 'failure'
  /** The most challenged attempts in flight of one requester. */
  readonly challengedPlaces: number
}

export interface ReserveRequest {
  readonly rule: RuleName
  readonly limit: Limit
  /** The attempt's id, which the Worker makes. */
  readonly id: string
  /** Whether the attempt waits while only pending attempts prevent it. */
  readonly waits: boolean
}

export interface ReserveResult {
  readonly admitted: boolean
  readonly status: LimitStatus
}

export interface ChallengedReserveRequest {
  readonly rule: RuleName
  readonly limit: Limit
  readonly id: string
  /** The difficulty of the solved challenge. */
  readonly difficulty: number
}

export interface SettleRequest {
  readonly rule: RuleName
  readonly limit: Limit
  readonly id: string
  readonly outcome: Outcome
  /** Whether the attempt relies on a solved challenge, because this counter did not admit it without one. */
  readonly challenged: boolean
}

export type Outcome =
  | { readonly kind: 'counted'; readonly account: string }
  /** Clears one account's failures, or everything (null). */
  | { readonly kind: 'cleared'; readonly account: string | null }
  /** Neither counts nor clears. An event that was stored with the reservation is released. */
  | { readonly kind: 'void' }

export interface SettleResult {
  /**
   * False if the object has no reservation for the attempt (it lost its memory, or the reservation expired) and would not admit
   * the attempt now. The outcome must then not be revealed.
   */
  readonly settled: boolean
  readonly status: LimitStatus
}

/** The status of a key under a rule. */
export interface LimitStatus {
  /** Whether the events that count reach the threshold. */
  readonly exhausted: boolean
  /** The number of attempts that would be admitted now. */
  readonly remaining: number
  /** The time until the oldest of the newest `threshold` events leaves the window; the whole window if it has no event. */
  readonly resetInMs: number
  /** The difficulty of the next challenge: 0 to MAX_DIFFICULTY. */
  readonly difficulty: number
}

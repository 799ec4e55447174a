/** The RPCs of a counter: the interface that Workers call, and its arguments and results. */
import type { RuleName } from './rules.ts'
import type { Limit } from './window.ts'

export interface AttemptCounterRpc {
  /**
   * Admits an attempt or refuses it. Without a solved challenge it may wait until other attempts settle. A repeated call with
   * the same id changes nothing.
   */
  reserve(request: ReserveRequest): Promise<ReserveResult>
  /**
   * Reports an attempt's outcome. Without a reservation, settles it only if it would be admitted now or has a solved challenge. A
   * repeated report counts once.
   */
  settle(request: SettleRequest): Promise<SettleResult>
  /** Reads the limit status. Changes nothing. */
  peek(rule: CounterRule): Promise<LimitStatus>
}

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
  readonly maxChallenged: number
}

export interface ReserveRequest {
  /** Null to consume the nonce of `solved` alone, if no rule of this counter requires the challenge. */
  readonly rule: CounterRule | null
  /** The attempt's id, which the Worker makes. */
  readonly id: string
  /** The name of the counter of the requester's address. */
  readonly requester: string
  /** Whether the attempt waits while only pending attempts prevent it. Ignored with `solved`. */
  readonly waits: boolean
  /** The solved challenge that admits the attempt; null for an attempt that needs none yet. */
  readonly solved: SolvedForCounter | null
}

export interface SolvedForCounter {
  readonly difficulty: number
  /** Null if another counter uses it up, or the challenge's provider. */
  readonly nonce: Nonce | null
}

export interface Nonce {
  readonly value: string
  readonly expiresAtMs: number
}

export interface ReserveResult {
  /**
   * `refused`: counted events, or attempts that are pending and for which it may not wait, prevent it. `busy`: the rule is
   * exhausted, and the requester has the most challenged attempts in flight that it may have; no nonce is consumed.
   * `already_used`: the nonce was consumed by another attempt, or has expired. `difficulty_too_low`: the difficulty has risen
   * since the challenge was issued; the nonce is consumed.
   */
  readonly outcome: 'admitted' | 'refused' | 'busy' | 'difficulty_too_low' | 'already_used'
  /** NO_STATUS if the request has no rule. */
  readonly status: LimitStatus
}

export interface SettleRequest {
  readonly rule: CounterRule
  readonly id: string
  readonly outcome: Outcome
  /** Whether the attempt relies on a solved challenge, because this counter did not admit it without one. */
  readonly challenged: boolean
}

export type Outcome =
  /** @param account what a success clears the event by (CountedEvent) */
  | { readonly kind: 'counted'; readonly account: string }
  /** Clears one account's failures, or everything (null). */
  | { readonly kind: 'cleared'; readonly account: string | null }
  /** Neither counts nor clears. An event that was stored with the reservation is removed. */
  | { readonly kind: 'released' }

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

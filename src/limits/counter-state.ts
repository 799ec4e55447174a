/** The state of a counter, what it says about the next attempt, and when to clear what is stored of it. Pure. */
import type { CounterRule, LimitStatus, ReserveRequest, SolvedForCounter } from './counter-rpc.ts'
import { difficultyOf, eventsInWindow, type Limit, resetAfterMs, type Tally } from './window.ts'

/** The attempts of one rule that are in memory. */
export interface InFlight {
  /** Attempts that were admitted without a challenge: by id, when each reservation expires, in unix milliseconds. */
  readonly pending: ReadonlyMap<string, number>
  /** Attempts that were admitted because of a solved challenge, by id. They do not count as pending, so that attempts without a challenge are left to others. */
  readonly challenged: ReadonlyMap<string, ChallengedAttempt>
  /** Attempts that wait until others settle, in the order of their arrival. */
  readonly waiting: readonly RuleRequest[]
}

interface ChallengedAttempt {
  readonly requester: string
  readonly expiresAtMs: number
}

export type RuleRequest = ReserveRequest & { readonly rule: CounterRule }

export const NONE_IN_FLIGHT: InFlight = { pending: new Map(), challenged: new Map(), waiting: [] }

/** The state of one rule. Only the tally is stored. */
export interface RuleState extends InFlight {
  readonly tally: Tally
}

/** The number of events that count: those of attempts that are not pending, including stored ones of challenged attempts. */
export function countedIn({ tally, pending }: RuleState, limit: Limit, nowMs: number): number {
  return eventsInWindow(tally, limit, nowMs).filter(({ id }) => !pending.has(id)).length
}

/**
 * @param state without expired reservations (withoutExpired)
 * @param inFlight the number of attempts in flight that may turn out to count, for the difficulty of the next challenge
 */
export function limitStatusOf(state: RuleState, limit: Limit, nowMs: number, inFlight = 0): LimitStatus {
  const { tally, pending } = state
  const counted = countedIn(state, limit, nowMs)
  const times = eventsInWindow(tally, limit, nowMs).map(({ atMs }) => atMs)
  return {
    exhausted: counted >= limit.threshold,
    remaining: Math.max(0, limit.threshold - counted - pending.size),
    resetInMs: resetAfterMs(times, limit, nowMs),
    difficulty: difficultyOf(tally, limit, inFlight, nowMs),
  }
}

/** Whether the counter has admitted the attempt, and has not forgotten it. */
export function isReserved(state: RuleState, { limit }: CounterRule, id: string, nowMs: number): boolean {
  const stored = () => eventsInWindow(state.tally, limit, nowMs).some((event) => event.id === id)
  return state.pending.has(id) || state.challenged.has(id) || stored()
}

/** Whether the requester has as many challenged attempts in flight as it may have. */
export function isBusy(
  { challenged }: RuleState,
  { maxChallenged }: CounterRule,
  requester: string,
): boolean {
  const own = [...challenged.values()].filter((attempt) => attempt.requester === requester)
  return own.length >= maxChallenged
}

/**
 * The challenged attempts of other requesters beyond the attempts that are left. They make the challenge more difficult, so that
 * challenges that many addresses collect and send at once require no less work than the same attempts one after the other. Those
 * of the requester itself are bounded instead (isBusy).
 */
export function othersInFlight(
  state: RuleState,
  { limit }: CounterRule,
  requester: string,
  nowMs: number,
): number {
  const stored = new Set(eventsInWindow(state.tally, limit, nowMs).map(({ id }) => id))
  const others = [...state.challenged].filter(
    ([id, attempt]) => attempt.requester !== requester && !stored.has(id),
  )
  return Math.max(0, others.length - limitStatusOf(state, limit, nowMs).remaining)
}

export function withoutExpired(state: RuleState, nowMs: number): RuleState {
  const pending = new Map([...state.pending].filter(([, expiresAtMs]) => nowMs < expiresAtMs))
  const challenged = new Map([...state.challenged].filter(([, { expiresAtMs }]) => nowMs < expiresAtMs))
  return { ...state, pending, challenged }
}

/** Removes an attempt from memory. An event that is stored for it stays. */
export function withoutAttempt(state: RuleState, id: string): RuleState {
  const pending = new Map([...state.pending].filter(([other]) => other !== id))
  const challenged = new Map([...state.challenged].filter(([other]) => other !== id))
  const waiting = state.waiting.filter((other) => other.id !== id)
  return { ...state, pending, challenged, waiting }
}

/** The largest number of attempts that wait at once, per rule of one counter. */
export const MAX_WAITING = 200

export interface AdmissionInput {
  readonly threshold: number
  /** The number of events that count. */
  readonly counted: number
  /** The number of admitted attempts that have not settled. */
  readonly pending: number
  /** The number of attempts that already wait, and come first. */
  readonly ahead: number
}

/**
 * Decides about the next attempt. A pending attempt may turn out to count, so it counts towards the threshold. While
 * only pending attempts prevent the next one, that one waits for one of them to settle.
 */
export function decideAdmission({
  threshold,
  counted,
  pending,
  ahead,
}: AdmissionInput): 'admit' | 'wait' | 'refuse' {
  if (counted >= threshold) return 'refuse'
  if (counted + pending < threshold && ahead === 0) return 'admit'
  return ahead < MAX_WAITING ? 'wait' : 'refuse'
}

/** The stored record of a consumed nonce. */
export interface ConsumedNonce {
  readonly format: 1
  /** The attempt that used it up, whose call may be repeated. */
  readonly attempt: string
  readonly expiresAtMs: number
}

/** @param used the stored record of the challenge's nonce, if there is one */
export function isUsable(
  { nonce }: SolvedForCounter,
  attempt: string,
  used: ConsumedNonce | undefined,
  nowMs: number,
): boolean {
  if (nonce === null) return true
  return nowMs < nonce.expiresAtMs && (used === undefined || used.attempt === attempt)
}

/** @returns the record to store; null if there is no nonce to consume */
export function toConsumedNonce({ nonce }: SolvedForCounter, attempt: string): ConsumedNonce | null {
  return nonce && { format: 1, attempt, expiresAtMs: nonce.expiresAtMs }
}

/** The minimum time between alarms, so that one alarm deletes many records. */
const MIN_ALARM_INTERVAL_MS = 60_000

/**
 * @param scheduledForMs the time of the last alarm that was set, past or not; null if there was no alarm. One that is still to
 * come stays if it is earlier, and then sets the next one, so that new records cannot keep postponing it
 * @param expiriesMs when records expire
 * @returns the time of the next alarm; null for no alarm
 */
export function nextAlarm(
  scheduledForMs: number | null,
  expiriesMs: readonly number[],
  nowMs: number,
): number | null {
  const pendingMs = scheduledForMs !== null && nowMs < scheduledForMs ? scheduledForMs : null
  if (expiriesMs.length === 0) return pendingMs
  const wantedMs = Math.max(Math.min(...expiriesMs), nowMs + MIN_ALARM_INTERVAL_MS)
  return pendingMs === null ? wantedMs : Math.min(pendingMs, wantedMs)
}

/**
 * What requests do to a counter. Pure: takes the state of one rule, a request and the time, returns the next state and the
 * result. AttemptCounter keeps the state: only tallies and used nonces are stored, attempts in flight are in memory, so that a
 * successful login with no failures to clear and no challenge writes nothing.
 */
import type {
  CounterRule,
  LimitStatus,
  Outcome,
  ReserveRequest,
  ReserveResult,
  SettleRequest,
  SettleResult,
  SolvedForCounter,
} from './counter-rpc.ts'
import {
  type ConsumedNonce,
  countedIn,
  decideAdmission,
  isBusy,
  isReserved,
  isUsable,
  limitStatusOf,
  othersInFlight,
  type RuleRequest,
  type RuleState,
  toConsumedNonce,
  withoutAttempt,
  withoutExpired,
} from './counter-state.ts'
import { addEvent, meetsDifficulty, removeAccountEvents, removeAllEvents, removeEvent } from './window.ts'

/** How long an attempt waits for another to settle. */
export const MAX_WAIT_MS = 20_000
/** A reservation expires after this time if its attempt does not settle. */
const RESERVATION_LIFETIME_MS = 40_000
/** The status in the result of a request without a rule. */
export const NO_STATUS: LimitStatus = { exhausted: false, remaining: 0, resetInMs: 0, difficulty: 0 }

export interface Step<Result> {
  readonly state: RuleState
  readonly result: Result
  /** The results of attempts that have stopped waiting, by id. */
  readonly resumed: ReadonlyMap<string, ReserveResult>
}

interface Reservation<Result> {
  readonly state: RuleState
  readonly result: Result
  /** The record of the nonce that the attempt consumes. */
  readonly consumedNonce: ConsumedNonce | null
}

/**
 * @param used the stored record of the request's nonce, if there is one
 * @returns the result; null while the attempt waits
 */
export function reserve(
  before: RuleState,
  request: RuleRequest,
  used: ConsumedNonce | undefined,
  nowMs: number,
): Step<ReserveResult | null> & Reservation<ReserveResult | null> {
  const { state, resumed } = wake(before, nowMs)
  const { solved } = request
  const reservation =
    solved === null
      ? reserveOrWait(state, request, nowMs)
      : reserveChallenged(state, request, solved, used, nowMs)
  return { ...reservation, resumed }
}

/** Uses up the nonce of a request without a rule. @param used as in `reserve` */
export function consumeNonce(
  { id, solved }: ReserveRequest,
  used: ConsumedNonce | undefined,
  nowMs: number,
): { readonly result: ReserveResult; readonly consumedNonce: ConsumedNonce | null } {
  if (solved === null || isUsable(solved, id, used, nowMs)) {
    return {
      result: { outcome: 'admitted', status: NO_STATUS },
      consumedNonce: solved && toConsumedNonce(solved, id),
    }
  }
  return { result: { outcome: 'already_used', status: NO_STATUS }, consumedNonce: null }
}

export function settle(before: RuleState, request: SettleRequest, nowMs: number): Step<SettleResult> {
  const { rule, id, outcome } = request
  const current = withoutExpired(before, nowMs)
  const settled = maySettle(current, request, nowMs)
  const left = withoutAttempt(current, id)
  // If it still waits, its Worker has stopped waiting for the result.
  const waiter = current.waiting.find((waiting) => waiting.id === id)
  const refused = waiter === undefined ? [] : [[id, refuse(left, waiter, nowMs).result] as const]
  const { state, resumed } = wake(settled ? record(left, rule, id, outcome, nowMs) : left, nowMs)
  const status = limitStatusOf(state, rule.limit, nowMs)
  return { state, result: { settled, status }, resumed: new Map([...refused, ...resumed]) }
}

export function peek(state: RuleState, { limit }: CounterRule, nowMs: number): LimitStatus {
  return limitStatusOf(withoutExpired(state, nowMs), limit, nowMs)
}

/**
 * Ends the wait of an attempt after MAX_WAIT_MS, then checks the attempts behind it again: if the rule has changed, their
 * threshold differs.
 */
export function endWait(before: RuleState, id: string, nowMs: number): Step<null> {
  const current = withoutExpired(before, nowMs)
  const waiter = current.waiting.find((waiting) => waiting.id === id)
  if (waiter === undefined) return wake(current, nowMs)
  const ended = stopWaiting(current, waiter, nowMs)
  const { state, resumed } = wake(ended.state, nowMs)
  return { state, result: null, resumed: new Map([[id, ended.result], ...resumed]) }
}

/** Admits or refuses waiting attempts in their order, up to the first that must still wait. */
function wake(before: RuleState, nowMs: number): Step<null> {
  const resumed = new Map<string, ReserveResult>()
  let state = withoutExpired(before, nowMs)
  for (let first = state.waiting[0]; first !== undefined; first = state.waiting[0]) {
    if (decide(state, first.rule, 0, nowMs) === 'wait') break
    const stopped = stopWaiting(state, first, nowMs)
    state = stopped.state
    resumed.set(first.id, stopped.result)
  }
  return { state, result: null, resumed }
}

function stopWaiting(before: RuleState, waiter: RuleRequest, nowMs: number): Reservation<ReserveResult> {
  const state = withoutAttempt(before, waiter.id)
  const admits = decide(state, waiter.rule, 0, nowMs) === 'admit'
  return admits ? admit(state, waiter, nowMs) : refuse(state, waiter, nowMs)
}

function reserveOrWait(
  state: RuleState,
  request: RuleRequest,
  nowMs: number,
): Reservation<ReserveResult | null> {
  const { rule, id, waits } = request
  if (isReserved(state, rule, id, nowMs)) return withResult(state, request, 'admitted', nowMs)
  if (state.waiting.some((waiting) => waiting.id === id)) return { state, result: null, consumedNonce: null }
  const decision = decide(state, rule, state.waiting.length, nowMs)
  if (decision === 'admit') return admit(state, request, nowMs)
  if (decision === 'refuse' || !waits) return refuse(state, request, nowMs)
  return { state: { ...state, waiting: [...state.waiting, request] }, result: null, consumedNonce: null }
}

/** The requester's other challenged attempts come first: one that is too many must not consume its challenge. */
function reserveChallenged(
  state: RuleState,
  request: RuleRequest,
  solved: SolvedForCounter,
  used: ConsumedNonce | undefined,
  nowMs: number,
): Reservation<ReserveResult> {
  const { rule, id, requester } = request
  if (state.challenged.has(id)) return withResult(state, request, 'admitted', nowMs)
  if (isBusy(state, rule, requester)) return withResult(state, request, 'busy', nowMs)
  if (!isUsable(solved, id, used, nowMs)) return withResult(state, request, 'already_used', nowMs)
  const consumedNonce = toConsumedNonce(solved, id)
  const { difficulty } = withResult(state, request, 'admitted', nowMs).result.status
  if (!meetsDifficulty(solved.difficulty, difficulty)) {
    return { ...withResult(state, request, 'difficulty_too_low', nowMs), consumedNonce }
  }
  const reservation = { requester, expiresAtMs: nowMs + RESERVATION_LIFETIME_MS }
  const challenged = new Map([...state.challenged, [id, reservation]])
  const next = { ...recordReservation(state, rule, id, nowMs), challenged }
  return { ...withResult(next, request, 'admitted', nowMs), consumedNonce }
}

function decide(state: RuleState, { limit }: CounterRule, ahead: number, nowMs: number) {
  const counted = countedIn(state, limit, nowMs)
  return decideAdmission({ threshold: limit.threshold, counted, pending: state.pending.size, ahead })
}

function admit(state: RuleState, request: RuleRequest, nowMs: number): Reservation<ReserveResult> {
  const { rule, id } = request
  const pending = new Map([...state.pending, [id, nowMs + RESERVATION_LIFETIME_MS]])
  return withResult({ ...recordReservation(state, rule, id, nowMs), pending }, request, 'admitted', nowMs)
}

function refuse(state: RuleState, request: RuleRequest, nowMs: number): Reservation<ReserveResult> {
  const { rule, requester } = request
  const { exhausted } = limitStatusOf(state, rule.limit, nowMs)
  const outcome = exhausted && isBusy(state, rule, requester) ? 'busy' : 'refused'
  return withResult(state, request, outcome, nowMs)
}

function withResult(
  state: RuleState,
  { rule, requester }: RuleRequest,
  outcome: ReserveResult['outcome'],
  nowMs: number,
): Reservation<ReserveResult> {
  const inFlight = othersInFlight(state, rule, requester, nowMs)
  const status = limitStatusOf(state, rule.limit, nowMs, inFlight)
  return { state, result: { outcome, status }, consumedNonce: null }
}

function maySettle(state: RuleState, { rule, id, challenged }: SettleRequest, nowMs: number): boolean {
  if (challenged || isReserved(state, rule, id, nowMs)) return true
  return countedIn(state, rule.limit, nowMs) + state.pending.size < rule.limit.threshold
}

/** A rule that records reservations counts an attempt until it is released, even if the Worker stops before settling it. */
function recordReservation(state: RuleState, rule: CounterRule, id: string, nowMs: number): RuleState {
  if (rule.recordedAt !== 'reservation') return state
  // A unique account per attempt keeps the tally from dropping an event in favour of one that is released later.
  return record(state, rule, id, { kind: 'counted', account: id }, nowMs)
}

function record(
  state: RuleState,
  { limit }: CounterRule,
  id: string,
  outcome: Outcome,
  nowMs: number,
): RuleState {
  const { tally } = state
  switch (outcome.kind) {
    case 'counted': {
      const exceeded = countedIn(state, limit, nowMs) >= limit.threshold
      const event = { id, atMs: nowMs, account: outcome.account }
      return { ...state, tally: addEvent(tally, event, exceeded, limit) }
    }
    case 'cleared': {
      const { account } = outcome
      return {
        ...state,
        tally: account === null ? removeAllEvents(tally) : removeAccountEvents(tally, account),
      }
    }
    case 'released':
      return { ...state, tally: removeEvent(tally, id) }
  }
}

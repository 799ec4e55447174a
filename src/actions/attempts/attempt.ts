/** A rate-limited attempt: reserved, before work starts, at every counter that applies; settled when the outcome is known. */

import type { ChallengeFailure, ChallengeRequest, SolvedChallenge } from '../../challenge/challenge.ts'
import { orUnavailable, ServiceError, UnconfirmedWriteError } from '../../errors/service-error.ts'
import type { BlockCacheKey } from '../../limits/block-cache.ts'
import { MAX_WAIT_MS } from '../../limits/counter.ts'
import type {
  CounterRule,
  LimitStatus,
  Outcome,
  ReserveResult,
  SolvedForCounter,
} from '../../limits/counter-rpc.ts'
import { counterRuleOf, type LimitRule, RULES, type RuleName } from '../../limits/rules.ts'
import { MAX_DIFFICULTY, meetsDifficulty } from '../../limits/window.ts'
import { DEADLINE_MS, withDeadline } from '../../runtime/deadline.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { CheckedAccount, PasswordCheck } from '../login/check-password.ts'
import type { RequestContext } from '../request-context.ts'
import { failChallenge, verifySolution } from './challenges.ts'

export interface AttemptRequest extends ChallengeRequest {
  /** The name of the identifier's counter; null if the attempt checks no password. */
  readonly identifierCounter: string | null
  /** The solution of a challenge, if the request carries one. */
  readonly challenge: string | undefined
}

/** A rule that applies to the attempt. */
export interface AppliedRule {
  readonly name: RuleName
  readonly rule: LimitRule
  /** The name of the counter that enforces the rule. */
  readonly counter: string
}

/** The attempt's state at one counter. */
interface CounterReservation {
  readonly rule: CounterRule
  readonly counter: string
  /**
   * Whether the counter admitted the attempt without a challenge. False if the counter refused it, or was only read: a solved
   * challenge must then admit the attempt.
   */
  readonly admitted: boolean
  /** Whether the counter may store something about the attempt that is not settled yet. */
  readonly reserved: boolean
}

export class Attempt {
  readonly #ctx: RequestContext
  readonly #request: AttemptRequest
  readonly #id = crypto.randomUUID()
  #reservations: readonly CounterReservation[] = []
  /** The difficulty of the challenge that the rules require; null if they require none. */
  #requiredDifficulty: number | null = null
  /** The solved challenge; null if its provider consumes it; undefined until a solution has been verified. */
  #solved: SolvedChallenge | null | undefined

  constructor(ctx: RequestContext, request: AttemptRequest) {
    this.#ctx = ctx
    this.#request = request
  }

  /**
   * Reserves the attempt at the counter of a rule. At the requester's counter this may wait until other attempts are settled.
   * If an earlier rule requires a challenge already, the identifier's counter is only read: an attempt with a solved
   * challenge must not use up the attempts that others have left at this identifier.
   * @throws {ServiceError} `too_many_*`, `unavailable`
   */
  async reserve({ name, rule, counter }: AppliedRule): Promise<void> {
    if (!rule.enabled) return
    const reserves = this.#requiredDifficulty === null || counter === this.#request.requesterCounter
    const counterRule = counterRuleOf(name, rule)
    const reservation = { rule: counterRule, counter, admitted: reserves, reserved: reserves }
    if (rule.action === 'block') this.#refuseIfBlockIsCached(reservation)
    this.#reservations = [...this.#reservations, reservation]
    const { outcome, status } = reserves ? await this.#reserveAt(reservation) : await this.#peek(reservation)
    this.#report(reservation, status)
    if (outcome === 'admitted') return
    this.#update(reservation, { admitted: false, reserved: false })
    if (rule.action === 'block') this.#block(reservation, status)
    if (outcome === 'busy') throw busyError(name)
    this.#requiredDifficulty = Math.max(this.#requiredDifficulty ?? 0, status.difficulty)
  }

  /** @throws {ServiceError} `too_many_*` if the counter reported the block a few seconds ago */
  #refuseIfBlockIsCached(reservation: CounterReservation): void {
    const status = this.#ctx.services.blockCache.get(blockKeyOf(reservation), this.#ctx.nowMs)
    if (status === null) return
    this.#report(reservation, status)
    throw blockedError(reservation.rule.name, status)
  }

  #block(reservation: CounterReservation, status: LimitStatus): never {
    this.#ctx.services.blockCache.set(blockKeyOf(reservation), status, this.#ctx.nowMs)
    throw blockedError(reservation.rule.name, status)
  }

  /**
   * Verifies the solution of the challenge if a rule requires one and none has been verified yet.
   * @throws {ServiceError} as verifySolution
   */
  async verifyChallenge(): Promise<void> {
    const required = this.#requiredDifficulty
    if (required === null || this.#solved !== undefined) return
    this.#solved = await verifySolution(this.#ctx, this.#request, this.#request.challenge, required)
  }

  /**
   * Uses up the solved challenge, at the requester's counter, and reserves the attempt at every counter that did not admit it
   * without a challenge.
   * @throws {ServiceError} `challenge_failed` (`difficulty_too_low`, `already_used`), `too_many_*`, `unavailable`
   */
  async consumeChallenge(): Promise<void> {
    const required = this.#requiredDifficulty
    if (required === null || this.#solved === undefined) return
    // Turnstile and hCaptcha responses have no difficulty.
    const difficulty = this.#solved?.difficulty ?? MAX_DIFFICULTY
    if (!meetsDifficulty(difficulty, required)) return this.#fail('difficulty_too_low', required)
    const nonce = this.#solved && { value: this.#solved.nonce, expiresAtMs: this.#solved.expiresAtMs }
    const unadmitted = this.#reservations.filter(({ admitted }) => !admitted)
    const atRequester = unadmitted.some(({ counter }) => counter === this.#request.requesterCounter)
    if (nonce !== null && !atRequester) await this.#useUp({ difficulty, nonce }, required)
    for (const reservation of unadmitted) await this.#reserveSolved(reservation, { difficulty, nonce })
  }

  async #useUp(solved: SolvedForCounter, required: number): Promise<void> {
    const requester = this.#request.requesterCounter
    const request = { rule: null, id: this.#id, requester, waits: false, solved }
    const { outcome } = await orUnavailable(this.#ctx.services.counter(requester).reserve(request))
    if (outcome !== 'admitted') return this.#fail('already_used', required)
  }

  async #reserveSolved(
    reservation: CounterReservation,
    { difficulty, nonce }: SolvedForCounter,
  ): Promise<void> {
    const { rule, counter } = reservation
    const requester = this.#request.requesterCounter
    const solved = { difficulty, nonce: counter === requester ? nonce : null }
    const request = { rule, id: this.#id, requester, waits: false, solved }
    this.#update(reservation, { reserved: true })
    const { outcome, status } = await orUnavailable(this.#ctx.services.counter(counter).reserve(request))
    if (outcome === 'admitted') return
    if (outcome === 'busy' || outcome === 'refused') throw busyError(rule.name)
    return this.#fail(outcome, status.difficulty)
  }

  #fail(reason: ChallengeFailure, newDifficulty: number): Promise<never> {
    return failChallenge(this.#ctx, this.#request, [reason], newDifficulty)
  }

  /**
   * Returns the account if its password was correct. If not, settles the attempt before the caller learns the result: an
   * incorrect password counts, a disabled account neither counts nor clears anything.
   * @throws {ServiceError} `invalid_credentials`, `account_disabled`; `unavailable` if the attempt cannot be settled, so that
   * the result stays secret
   */
  async requireCorrectPassword(check: PasswordCheck): Promise<CheckedAccount> {
    if (check.outcome === 'correct') return check.checked
    if (check.accountId !== null) this.#ctx.addToRequestLog({ accountId: check.accountId })
    const incorrect = check.outcome === 'incorrect'
    const account = incorrect ? (check.accountId ?? this.#request.identifierCounter ?? '') : ''
    await this.#settleLogin(() => (incorrect ? { kind: 'counted', account } : { kind: 'released' }))
    throw new ServiceError(incorrect ? 'invalid_credentials' : 'account_disabled')
  }

  /**
   * Settles the attempt as a successful login: clears the account's failures at the requester's counter, and every failure
   * at the identifier's counter.
   * @throws {ServiceError} `unavailable` if the attempt cannot be settled; the caller must then not reveal that the login
   * succeeded
   */
  async succeed(accountId: string): Promise<void> {
    await this.#settleLogin(({ counter }) => {
      return { kind: 'cleared', account: counter === this.#request.requesterCounter ? accountId : null }
    })
  }

  /**
   * Settles what is left: a registration, and reservations whose outcome never became known. An error is only logged,
   * because at most it makes later attempts wait.
   */
  async settleRemaining(registered: boolean): Promise<void> {
    const counts = ({ rule }: CounterReservation) => registered && rule.recordedAt === 'reservation'
    const outcomeAt = (reservation: CounterReservation): Outcome =>
      counts(reservation) ? { kind: 'counted', account: this.#id } : { kind: 'released' }
    const remaining = this.#reservations.filter((reservation) => reservation.reserved || counts(reservation))
    const settling = remaining.map((reservation) =>
      withDeadline(this.#settle(reservation, outcomeAt(reservation))),
    )
    for (const result of await Promise.allSettled(settling)) {
      if (result.status === 'fulfilled') continue
      const error = describeError(result.reason)
      log('warn', 'attempt_not_settled', { request_id: this.#ctx.requestId, error })
    }
  }

  /** Settles at the identifier's counter first: if that fails, the requester's counter does not reveal the outcome. */
  async #settleLogin(outcomeAt: (reservation: CounterReservation) => Outcome): Promise<void> {
    const reservations = this.#reservations.filter(({ rule }) => rule.recordedAt === 'failure').toReversed()
    for (const reservation of reservations) {
      this.#update(reservation, { reserved: false })
      await orUnavailable(this.#settle(reservation, outcomeAt(reservation)))
    }
  }

  /** @throws if the counter is unavailable, or if it has lost the attempt and would not admit it now */
  async #settle(reservation: CounterReservation, outcome: Outcome): Promise<void> {
    const { rule, counter, admitted } = reservation
    const request = { rule, id: this.#id, outcome, challenged: !admitted }
    const { settled, status } = await this.#ctx.services.counter(counter).settle(request)
    if (!settled) throw new Error(`${rule.name}: the counter has lost the attempt`)
    this.#report(reservation, status)
  }

  #reserveAt({ rule, counter }: CounterReservation): Promise<ReserveResult> {
    const requester = this.#request.requesterCounter
    const { waits } = RULES[rule.name]
    const request = { rule, id: this.#id, requester, waits, solved: null }
    const reserving = this.#ctx.services.counter(counter).reserve(request)
    return orUnavailable(reserving, {}, waits ? MAX_WAIT_MS + DEADLINE_MS : DEADLINE_MS)
  }

  async #peek({ rule, counter }: CounterReservation): Promise<ReserveResult> {
    const status = await orUnavailable(this.#ctx.services.counter(counter).peek(rule))
    return { outcome: status.exhausted ? 'refused' : 'admitted', status }
  }

  #update({ rule }: CounterReservation, changes: Partial<CounterReservation>): void {
    this.#reservations = this.#reservations.map((other) =>
      other.rule.name === rule.name ? { ...other, ...changes } : other,
    )
  }

  /** Reports the requester's own limits only, not those of the identifier. */
  #report({ rule: { name, limit }, counter }: CounterReservation, status: LimitStatus): void {
    if (counter === this.#request.requesterCounter) this.#ctx.reportLimit({ name, limit, status })
  }
}

function blockKeyOf({ rule: { name, limit }, counter }: CounterReservation): BlockCacheKey {
  return { name, limit, counter }
}

/** The requester has too many challenged attempts in flight. One may settle at any moment, so retry after 1 s. */
function busyError(name: RuleName): ServiceError {
  return new ServiceError(RULES[name].blockedCode, {}, { retryAfterSeconds: 1 })
}

/** A limit that is not exhausted is only full of pending attempts. One may settle at any moment, so retry after 1 s. */
export function blockedError(name: RuleName, { exhausted, resetInMs }: LimitStatus): ServiceError {
  const retryAfterSeconds = exhausted ? Math.ceil(resetInMs / 1000) : 1
  return new ServiceError(RULES[name].blockedCode, {}, { retryAfterSeconds })
}

/**
 * Whether an attempt that failed with this error counts as a registration: the account or the change is stored, may be
 * stored, or the requester learned that an identifier is taken.
 */
export function countsAsRegistration(error: unknown): boolean {
  if (!(error instanceof ServiceError)) return false
  const { code, members } = error
  const stored = members.registered === true || members.changed === true
  return stored || code === 'identifier_taken' || error instanceof UnconfirmedWriteError
}

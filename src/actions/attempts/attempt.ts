/** A rate-limited attempt: reserved, before work starts, at every counter that applies; settled when the outcome is known. */

import type { ChallengeFailure, ChallengeRequest, SolvedChallenge } from '../../challenge/challenge.ts'
import { orUnavailable, ServiceError, UnconfirmedWriteError } from '../../errors/service-error.ts'
import type { LimitStatus, Outcome, ReserveResult } from '../../limits/counter-rpc.ts'
import { MAX_WAIT_MS } from '../../limits/limit-status.ts'
import { type LimitRule, RULES, type RuleName } from '../../limits/rules.ts'
import { type Limit, MAX_DIFFICULTY, meetsDifficulty } from '../../limits/window.ts'
import { DEADLINE_MS, withDeadline } from '../../runtime/deadline.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { CheckedAccount, PasswordCheck } from '../login/check-password.ts'
import type { RequestContext } from '../request-context.ts'
import { failChallenge, verifySolution } from './challenges.ts'
import { limitOf } from './requester-limits.ts'

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
  readonly name: RuleName
  readonly limit: Limit
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
    const reservation = { name, limit: limitOf(rule), counter, admitted: reserves, reserved: reserves }
    if (rule.action === 'block') this.#refuseIfBlockIsCached(reservation)
    this.#reservations = [...this.#reservations, reservation]
    const { admitted, status } = reserves ? await this.#reserveAt(reservation) : await this.#peek(reservation)
    this.#report(reservation, status)
    if (admitted) return
    this.#update(reservation, { admitted: false, reserved: false })
    if (rule.action === 'block') this.#block(reservation, status)
    this.#requiredDifficulty = Math.max(this.#requiredDifficulty ?? 0, status.difficulty)
  }

  /** @throws {ServiceError} `too_many_*` if the counter reported the block a few seconds ago */
  #refuseIfBlockIsCached(reservation: CounterReservation): void {
    const status = this.#ctx.services.blockCache.get(reservation, this.#ctx.nowMs)
    if (status === null) return
    this.#report(reservation, status)
    throw blockedError(reservation.name, status)
  }

  #block(reservation: CounterReservation, status: LimitStatus): never {
    this.#ctx.services.blockCache.set(reservation, status, this.#ctx.nowMs)
    throw blockedError(reservation.name, status)
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
   * Consumes the solved challenge if its difficulty is high enough: first for the difficulty that the counters required when
   * the attempt was reserved, then for the current one at every counter that did not admit the attempt without a challenge.
   * The second check makes many attempts at once as difficult as the same attempts one after the other.
   * @throws {ServiceError} `challenge_failed` (`difficulty_too_low`, `already_used`), `unavailable`
   */
  async consumeChallenge(): Promise<void> {
    if (this.#requiredDifficulty === null || this.#solved === undefined) return
    if (this.#solved !== null) await this.#consumeNonce(this.#solved, this.#requiredDifficulty)
    // Turnstile and hCaptcha responses have no difficulty.
    const difficulty = this.#solved?.difficulty ?? MAX_DIFFICULTY
    for (const reservation of this.#reservations.filter(({ admitted }) => !admitted)) {
      this.#update(reservation, { reserved: true })
      const { name: rule, limit, counter } = reservation
      const request = { rule, limit, id: this.#id, difficulty }
      const { admitted, status } = await orUnavailable(
        this.#ctx.services.counter(counter).reserveChallenged(request),
      )
      if (!admitted) return this.#fail('difficulty_too_low', status.difficulty)
    }
  }

  async #consumeNonce({ nonce, expiresAtMs, difficulty }: SolvedChallenge, required: number): Promise<void> {
    if (!meetsDifficulty(difficulty, required)) return this.#fail('difficulty_too_low', required)
    const counter = this.#ctx.services.counter(this.#request.requesterCounter)
    const consumed = await orUnavailable(counter.consumeNonce(nonce, expiresAtMs))
    if (!consumed) return this.#fail('already_used', required)
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
    await this.#settleLogin(() => (incorrect ? { kind: 'counted', account } : { kind: 'void' }))
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
    const counts = ({ name }: CounterReservation) => registered && RULES[name].recordedAt === 'reservation'
    const outcomeAt = (reservation: CounterReservation): Outcome =>
      counts(reservation) ? { kind: 'counted', account: this.#id } : { kind: 'void' }
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
    const reservations = this.#reservations
      .filter(({ name }) => RULES[name].recordedAt === 'failure')
      .toReversed()
    for (const reservation of reservations) {
      this.#update(reservation, { reserved: false })
      await orUnavailable(this.#settle(reservation, outcomeAt(reservation)))
    }
  }

  /** @throws if the counter is unavailable, or if it has lost the attempt and would not admit it now */
  async #settle(reservation: CounterReservation, outcome: Outcome): Promise<void> {
    const { name: rule, limit, counter, admitted } = reservation
    const request = { rule, limit, id: this.#id, outcome, challenged: !admitted }
    const { settled, status } = await this.#ctx.services.counter(counter).settle(request)
    if (!settled) throw new Error(`${rule}: the counter has lost the attempt`)
    this.#report(reservation, status)
  }

  #reserveAt({ name: rule, limit, counter }: CounterReservation): Promise<ReserveResult> {
    const waits = counter === this.#request.requesterCounter
    const reserving = this.#ctx.services.counter(counter).reserve({ rule, limit, id: this.#id, waits })
    return orUnavailable(reserving, {}, waits ? MAX_WAIT_MS + DEADLINE_MS : DEADLINE_MS)
  }

  async #peek({ name, limit, counter }: CounterReservation): Promise<ReserveResult> {
    const status = await orUnavailable(this.#ctx.services.counter(counter).peek(name, limit))
    return { admitted: !status.exhausted, status }
  }

  #update({ name }: CounterReservation, changes: Partial<CounterReservation>): void {
    this.#reservations = this.#reservations.map((other) =>
      other.name === name ? { ...other, ...changes } : other,
    )
  }

  /** Reports the requester's own limits only, not those of the identifier. */
  #report({ name, limit, counter }: CounterReservation, status: LimitStatus): void {
    if (counter === this.#request.requesterCounter) this.#ctx.reportLimit({ name, limit, status })
  }
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

/**
 * A rate-limited attempt, as a lease: it has a reservation at every counter that applies, and settles each exactly once, when
 * the outcome is known. reserve-attempt.ts reserves it.
 */
import { orUnavailable, ServiceError, UnconfirmedWriteError } from '../../errors/service-error.ts'
import { MAX_WAIT_MS } from '../../limits/counter.ts'
import type { LimitStatus, Outcome, ReserveResult, SolvedForCounter } from '../../limits/counter-rpc.ts'
import { RULES } from '../../limits/rules.ts'
import { DEADLINE_MS, withDeadline } from '../../runtime/deadline.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { RefusedCheck } from '../login/check-password.ts'
import type { RequestContext } from '../request-context.ts'
import { type ApplicableRule, blockCacheKeyOf, blockedError } from './counters.ts'

/** A reservation that a counter may hold for the attempt. */
interface Reservation extends ApplicableRule {
  /** Whether a solved challenge admitted the attempt, because the counter would not have done so without one. */
  readonly challenged: boolean
}

export class Attempt {
  readonly #ctx: RequestContext
  /** The name of the counter of the requester's address. */
  readonly #requester: string
  /** The name of the identifier's counter; null if the attempt checks no password. */
  readonly #identifier: string | null
  readonly #id = crypto.randomUUID()
  readonly #end: () => void
  #reservations: readonly Reservation[] = []

  /** Until the lease ends, the request runs on even if the caller disconnects, so that disconnecting cannot avoid being counted. */
  constructor(ctx: RequestContext, requester: string, identifier: string | null) {
    const { promise, resolve } = Promise.withResolvers<void>()
    ctx.waitUntil(promise)
    this.#ctx = ctx
    this.#requester = requester
    this.#identifier = identifier
    this.#end = resolve
  }

  /**
   * Reserves the attempt at a counter: without a challenge, or with a solved one. May wait until other attempts are settled, if the
   * rule says so.
   * @throws {ServiceError} `too_many_*` if the rule blocks, or if the requester has too many challenged attempts in flight; `unavailable`
   */
  async reserve(applicable: ApplicableRule, solved: SolvedForCounter | null): Promise<ReserveResult> {
    if (applicable.action === 'block') this.#refuseIfBlockIsCached(applicable)
    const reservation = { ...applicable, challenged: solved !== null }
    // Until the counter says otherwise it may hold the reservation, even if its result is lost.
    this.#reservations = [...this.#reservations, reservation]
    const waits = solved === null && RULES[applicable.name].waits
    const request = { rule: applicable.rule, id: this.#id, requester: this.#requester, waits, solved }
    const reserving = this.#ctx.services.counter(applicable.counter).reserve(request)
    const result = await orUnavailable(reserving, {}, waits ? MAX_WAIT_MS + DEADLINE_MS : DEADLINE_MS)
    this.#report(applicable, result.status)
    if (result.outcome !== 'admitted') this.#forget(reservation)
    if (result.outcome === 'busy') throw blockedError(applicable.name, { ...result.status, exhausted: false })
    if (result.outcome === 'refused' && applicable.action === 'block') this.#block(applicable, result.status)
    return result
  }

  /** Consumes the nonce of a solved challenge at the requester's counter. @returns false if it was consumed already */
  async consumeNonce(solved: SolvedForCounter): Promise<boolean> {
    const request = { rule: null, id: this.#id, requester: this.#requester, waits: false, solved }
    const { outcome } = await orUnavailable(this.#ctx.services.counter(this.#requester).reserve(request))
    return outcome === 'admitted'
  }

  /**
   * Settles the attempt after a correct password: clears what the rules say a success clears.
   * @throws {ServiceError} `unavailable` if it cannot be settled; the caller must then not reveal that the password was correct
   */
  async succeed(accountId: string): Promise<void> {
    await this.#settlePasswordCheck(({ name }) => {
      const cleared = RULES[name].clearedBySuccess
      if (cleared === 'nothing') return { kind: 'released' }
      return { kind: 'cleared', account: cleared === 'account' ? accountId : null }
    })
  }

  /**
   * Settles the attempt before the caller learns the result of the check: an incorrect password counts, a disabled account
   * neither counts nor clears anything.
   * @returns the error to throw
   * @throws {ServiceError} `unavailable` if the attempt cannot be settled, so that the result stays secret
   */
  async refuse(check: RefusedCheck): Promise<ServiceError> {
    if (check.accountId !== null) this.#ctx.addToRequestLog({ accountId: check.accountId })
    switch (check.outcome) {
      case 'incorrect': {
        // Failures at an unknown identifier are cleared by no login.
        const account = check.accountId ?? this.#identifier ?? ''
        await this.#settlePasswordCheck(() => ({ kind: 'counted', account }))
        return new ServiceError('invalid_credentials')
      }
      case 'disabled':
        await this.#settlePasswordCheck(() => ({ kind: 'released' }))
        return new ServiceError('account_disabled')
    }
  }

  /**
   * Waits for a write that may register an identifier. Counts it if it took effect, if it may have, or if the requester learned
   * that an identifier is taken. The counter has counted it since the reservation, so it is settled after the response.
   */
  async countRegistration<T>(write: Promise<T>): Promise<T> {
    try {
      const result = await write
      this.#count()
      return result
    } catch (error) {
      if (countsAsRegistration(error)) this.#count()
      throw error
    }
  }

  /** Releases the reservations whose outcome never became known. To be called last, in any case. */
  async releaseUnsettled(): Promise<void> {
    await this.#settleQuietly(this.#reservations, { kind: 'released' })
    this.#end()
  }

  #count(): void {
    const reservations = this.#reservations.filter(({ rule }) => rule.recordedAt === 'reservation')
    this.#ctx.waitUntil(this.#settleQuietly(reservations, { kind: 'counted', account: this.#id }))
  }

  /** At the identifier's counter first: if that fails, the requester's counter does not reveal the outcome. */
  async #settlePasswordCheck(outcomeAt: (reservation: Reservation) => Outcome): Promise<void> {
    const reservations = this.#reservations.filter(({ rule }) => rule.recordedAt === 'failure')
    for (const reservation of reservations.toReversed())
      await orUnavailable(this.#settle(reservation, outcomeAt(reservation)))
  }

  /** An error is only logged, because at most it makes later attempts wait. */
  async #settleQuietly(reservations: readonly Reservation[], outcome: Outcome): Promise<void> {
    const settling = reservations.map((reservation) => withDeadline(this.#settle(reservation, outcome)))
    for (const result of await Promise.allSettled(settling)) {
      if (result.status === 'fulfilled') continue
      const error = describeError(result.reason)
      log('warn', 'attempt_not_settled', { request_id: this.#ctx.requestId, error })
    }
  }

  /** @throws if the counter is unavailable, or if it has lost the attempt and would not admit it now */
  async #settle(reservation: Reservation, outcome: Outcome): Promise<void> {
    this.#forget(reservation)
    const { name, rule, counter, challenged } = reservation
    const request = { rule, id: this.#id, outcome, challenged }
    const { settled, status } = await this.#ctx.services.counter(counter).settle(request)
    if (!settled) throw new Error(`${name}: the counter has lost the attempt`)
    this.#report(reservation, status)
  }

  #forget(reservation: Reservation): void {
    this.#reservations = this.#reservations.filter((other) => other !== reservation)
  }

  /** @throws {ServiceError} `too_many_*` if the counter reported the block a few seconds ago */
  #refuseIfBlockIsCached(applicable: ApplicableRule): void {
    const status = this.#ctx.services.blockCache.get(blockCacheKeyOf(applicable), this.#ctx.nowMs)
    if (status === null) return
    this.#report(applicable, status)
    throw blockedError(applicable.name, status)
  }

  #block(applicable: ApplicableRule, status: LimitStatus): never {
    this.#ctx.services.blockCache.set(blockCacheKeyOf(applicable), status, this.#ctx.nowMs)
    throw blockedError(applicable.name, status)
  }

  /** Reports the requester's own limits only, not those of the identifier. */
  #report({ name, rule, counter }: ApplicableRule, status: LimitStatus): void {
    if (counter === this.#requester) this.#ctx.reportLimit({ name, limit: rule.limit, status })
  }
}

/** Whether the account or the change is stored, may be stored, or the requester learned that an identifier is taken. */
function countsAsRegistration(error: unknown): boolean {
  if (!(error instanceof ServiceError)) return false
  return error.code === 'identifier_taken' || error instanceof UnconfirmedWriteError
}

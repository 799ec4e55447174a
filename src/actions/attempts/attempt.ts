/**
 * A rate-limited attempt, as a lease: it has a place at every counter that applies, and gives each place back exactly once, when
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
import { type AppliedRule, blockCacheKeyOf, blockedError } from './counters.ts'

/** A place at a counter that the attempt may hold. */
interface Place extends AppliedRule {
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
  #places: readonly Place[] = []

  /** Until the lease ends, the request runs on even if the caller disconnects, so that disconnecting gains no attempt. */
  constructor(ctx: RequestContext, requester: string, identifier: string | null) {
    const { promise, resolve } = Promise.withResolvers<void>()
    ctx.waitUntil(promise)
    this.#ctx = ctx
    this.#requester = requester
    this.#identifier = identifier
    this.#end = resolve
  }

  /**
   * Asks for a place at a counter: without a challenge, or with a solved one. May wait until other attempts are settled, if the
   * rule says so.
   * @throws {ServiceError} `too_many_*` if the rule blocks, or if all places for solved challenges are taken; `unavailable`
   */
  async reserve(applied: AppliedRule, solved: SolvedForCounter | null): Promise<ReserveResult> {
    if (applied.action === 'block') this.#refuseIfBlockIsCached(applied)
    const place = { ...applied, challenged: solved !== null }
    // Until the counter says otherwise it may hold the place, even if its result is lost.
    this.#places = [...this.#places, place]
    const waits = solved === null && RULES[applied.name].waits
    const request = { rule: applied.rule, id: this.#id, requester: this.#requester, waits, solved }
    const reserving = this.#ctx.services.counter(applied.counter).reserve(request)
    const result = await orUnavailable(reserving, {}, waits ? MAX_WAIT_MS + DEADLINE_MS : DEADLINE_MS)
    this.#report(applied, result.status)
    if (result.outcome !== 'admitted') this.#forget(place)
    if (result.outcome === 'busy') throw blockedError(applied.name, { ...result.status, exhausted: false })
    if (result.outcome === 'refused' && applied.action === 'block') this.#block(applied, result.status)
    return result
  }

  /** Uses up the nonce of a solved challenge at the requester's counter. @returns false if it was used up already */
  async useUpNonce(solved: SolvedForCounter): Promise<boolean> {
    const request = { rule: null, id: this.#id, requester: this.#requester, waits: false, solved }
    const { outcome } = await orUnavailable(this.#ctx.services.counter(this.#requester).reserve(request))
    return outcome === 'admitted'
  }

  /**
   * Settles the attempt as a correct password: clears what the rules say a success clears.
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
  async countWrite<T>(write: Promise<T>): Promise<T> {
    try {
      const result = await write
      this.#count()
      return result
    } catch (error) {
      if (countsAsRegistration(error)) this.#count()
      throw error
    }
  }

  /** Gives back the places whose outcome never became known. To be called last, in any case. */
  async releaseUnsettled(): Promise<void> {
    await this.#settleQuietly(this.#places, { kind: 'released' })
    this.#end()
  }

  #count(): void {
    const places = this.#places.filter(({ rule }) => rule.recordedAt === 'reservation')
    this.#ctx.waitUntil(this.#settleQuietly(places, { kind: 'counted', account: this.#id }))
  }

  /** At the identifier's counter first: if that fails, the requester's counter does not reveal the outcome. */
  async #settlePasswordCheck(outcomeAt: (place: Place) => Outcome): Promise<void> {
    const places = this.#places.filter(({ rule }) => rule.recordedAt === 'failure')
    for (const place of places.toReversed()) await orUnavailable(this.#settle(place, outcomeAt(place)))
  }

  /** An error is only logged, because at most it makes later attempts wait. */
  async #settleQuietly(places: readonly Place[], outcome: Outcome): Promise<void> {
    const settling = places.map((place) => withDeadline(this.#settle(place, outcome)))
    for (const result of await Promise.allSettled(settling)) {
      if (result.status === 'fulfilled') continue
      const error = describeError(result.reason)
      log('warn', 'attempt_not_settled', { request_id: this.#ctx.requestId, error })
    }
  }

  /** @throws if the counter is unavailable, or if it has lost the attempt and would not admit it now */
  async #settle(place: Place, outcome: Outcome): Promise<void> {
    this.#forget(place)
    const { name, rule, counter, challenged } = place
    const request = { rule, id: this.#id, outcome, challenged }
    const { settled, status } = await this.#ctx.services.counter(counter).settle(request)
    if (!settled) throw new Error(`${name}: the counter has lost the attempt`)
    this.#report(place, status)
  }

  #forget(place: Place): void {
    this.#places = this.#places.filter((other) => other !== place)
  }

  /** @throws {ServiceError} `too_many_*` if the counter reported the block a few seconds ago */
  #refuseIfBlockIsCached(applied: AppliedRule): void {
    const status = this.#ctx.services.blockCache.get(blockCacheKeyOf(applied), this.#ctx.nowMs)
    if (status === null) return
    this.#report(applied, status)
    throw blockedError(applied.name, status)
  }

  #block(applied: AppliedRule, status: LimitStatus): never {
    this.#ctx.services.blockCache.set(blockCacheKeyOf(applied), status, this.#ctx.nowMs)
    throw blockedError(applied.name, status)
  }

  /** Reports the requester's own limits only, not those of the identifier. */
  #report({ name, rule, counter }: AppliedRule, status: LimitStatus): void {
    if (counter === this.#requester) this.#ctx.reportLimit({ name, limit: rule.limit, status })
  }
}

/** Whether the account or the change is stored, may be stored, or the requester learned that an identifier is taken. */
function countsAsRegistration(error: unknown): boolean {
  if (!(error instanceof ServiceError)) return false
  return error.code === 'identifier_taken' || error instanceof UnconfirmedWriteError
}

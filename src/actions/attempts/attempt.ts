/** One call that counts, as its counters see it: reserved before any work is done, settled when its outcome is known. */
import type { ChallengeFailure, ChallengeRequest, Claim } from '../../challenge/challenge.ts'
import type { LimitRule, RuleName } from '../../config/limits.ts'
import {
  type ErrorCode,
  orUnavailable,
  ServiceError,
  UnconfirmedWriteError,
} from '../../errors/service-error.ts'
import type { LimitStatus, Outcome, Reservation } from '../../limits/counter-rpc.ts'
import { MAX_WAIT_MS } from '../../limits/limit-status.ts'
import { type Limit, MAX_DIFFICULTY, meetsDifficulty } from '../../limits/window.ts'
import { DEADLINE_MS, withDeadline } from '../../runtime/deadline.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'
import type { CheckedAccount, Verdict } from '../login/check-password.ts'
import { failChallenge, verifyAnswer } from './challenges.ts'
import { limitOf } from './requester-limits.ts'

export interface AttemptRequest extends ChallengeRequest {
  /** The name of the identifier's counter; null for a call that checks no password. */
  readonly identifier: string | null
  /** The answer to a challenge, where one was sent. */
  readonly challenge: string | undefined
}

/** A rule that applies, and the name of the counter that it asks. */
export interface AppliedRule {
  readonly name: RuleName
  readonly rule: LimitRule
  readonly counter: string
}

interface Place {
  readonly name: RuleName
  readonly limit: Limit
  readonly counter: string
  /** Whether the counter let the attempt through by itself; else a solved challenge does. */
  readonly admitted: boolean
  /** Whether the counter keeps something of the attempt until it is settled. */
  readonly held: boolean
}

const BLOCKED: Readonly<Record<RuleName, ErrorCode>> = {
  registrations_per_ip: 'too_many_registrations',
  login_failures_per_ip: 'too_many_login_failures',
  login_failures_per_account: 'too_many_login_failures',
  client_failures_per_ip: 'too_many_client_failures',
}
const REGISTRATION: RuleName = 'registrations_per_ip'

export class Attempt {
  readonly #services: Services
  readonly #request: AttemptRequest
  readonly #id = crypto.randomUUID()
  #places: readonly Place[] = []
  /** How dear the challenge is that the rules ask for; null for none. */
  #level: number | null = null
  /** What the answer to it leaves to claim; undefined while none was checked. */
  #claim: Claim | null | undefined

  constructor(services: Services, request: AttemptRequest) {
    this.#services = services
    this.#request = request
  }

  /**
   * Asks the counter of a rule, which may let the attempt wait for others. An identifier's is only looked at where a
   * challenge is asked for already: who solves one takes no place of somebody else's.
   * @throws {ServiceError} `too_many_*`, `unavailable`
   */
  async reserve({ name, rule, counter }: AppliedRule): Promise<void> {
    if (!rule.enabled) return
    const takes = this.#level === null || counter === this.#request.client
    const place = { name, limit: limitOf(rule), counter, admitted: takes, held: takes }
    if (rule.action === 'block') this.#refuseKnown(place)
    this.#places = [...this.#places, place]
    const { admitted, status } = takes ? await this.#take(place) : await this.#look(place)
    this.#report(place, status)
    if (admitted) return
    this.#replace(place, { admitted: false, held: false })
    if (rule.action === 'block') this.#block(place, status)
    this.#level = Math.max(this.#level ?? 0, status.level)
  }

  /** @throws {ServiceError} `too_many_*` where the counter said so a moment ago */
  #refuseKnown(place: Place): void {
    const status = this.#services.blockCache.find(place, this.#services.nowMs)
    if (status === null) return
    this.#report(place, status)
    throw blocked(place.name, status)
  }

  #block(place: Place, status: LimitStatus): never {
    this.#services.blockCache.note(place, status, this.#services.nowMs)
    throw blocked(place.name, status)
  }

  /**
   * Checks the answer to the challenge, where a rule asked for one.
   * @throws {ServiceError} as verifyAnswer
   */
  async verify(): Promise<void> {
    if (this.#level === null || this.#claim !== undefined) return
    this.#claim = await verifyAnswer(this.#services, this.#request, this.#request.challenge, this.#level)
  }

  /**
   * Uses the answer up, if it is dear enough: as things stood when the rules were asked, and again at every counter that
   * did not let the attempt through by itself, so that many at once are no cheaper than one after the other.
   * @throws {ServiceError} `challenge_failed` (`difficulty_too_low`, `already_used`), `unavailable`
   */
  async claim(): Promise<void> {
    if (this.#level === null || this.#claim === undefined) return
    if (this.#claim !== null) await this.#useUp(this.#claim, this.#level)
    // What a provider sees to has no price of ours.
    const level = this.#claim?.level ?? MAX_DIFFICULTY
    for (const place of this.#places.filter(({ admitted }) => !admitted)) {
      this.#replace(place, { held: true })
      const { name: rule, limit, counter } = place
      const proof = { rule, limit, id: this.#id, level }
      const { admitted, status } = await orUnavailable(this.#services.counter(counter).prove(proof))
      if (!admitted) return this.#fail('difficulty_too_low', status.level)
    }
  }

  async #useUp({ nonce, expiresAtMs, level }: Claim, askedLevel: number): Promise<void> {
    if (!meetsDifficulty(level, askedLevel)) return this.#fail('difficulty_too_low', askedLevel)
    const claimed = await orUnavailable(
      this.#services.counter(this.#request.client).claim(nonce, expiresAtMs),
    )
    if (!claimed) return this.#fail('already_used', askedLevel)
  }

  #fail(reason: ChallengeFailure, level: number): Promise<never> {
    return failChallenge(this.#services, this.#request, [reason], level)
  }

  /**
   * Lets a right password pass. A wrong one counts; a disabled account neither counts nor clears.
   * @throws {ServiceError} `invalid_credentials`, `account_disabled`; `unavailable` where nobody may learn which
   */
  async admit(verdict: Verdict): Promise<CheckedAccount> {
    if (verdict.outcome === 'right') return verdict.checked
    if (verdict.accountId !== null) this.#services.addToRequestLog({ accountId: verdict.accountId })
    const wrong = verdict.outcome === 'wrong'
    const account = wrong ? (verdict.accountId ?? this.#request.identifier ?? '') : ''
    await this.#settleLogIn(() => (wrong ? { kind: 'counted', account } : { kind: 'void' }))
    throw new ServiceError(wrong ? 'invalid_credentials' : 'account_disabled')
  }

  /**
   * Settles as a good log in: clears the account's failures at the client, and all of the identifier's.
   * @throws {ServiceError} `unavailable` where nobody may learn that it was one
   */
  async succeed(accountId: string): Promise<void> {
    await this.#settleLogIn(({ counter }) => {
      return { kind: 'cleared', account: counter === this.#request.client ? accountId : null }
    })
  }

  /** Settles what is left: a registration, and places whose outcome never came. An error here costs a wait at most. */
  async finish(registered: boolean): Promise<void> {
    const counts = ({ name }: Place) => registered && name === REGISTRATION
    const left = this.#places.filter((place) => place.held || counts(place))
    const told = left.map((place) =>
      withDeadline(
        this.#settle(place, counts(place) ? { kind: 'counted', account: this.#id } : { kind: 'void' }),
      ),
    )
    for (const answer of await Promise.allSettled(told)) {
      if (answer.status === 'fulfilled') continue
      const error = describeError(answer.reason)
      log('warn', 'attempt_not_settled', { request_id: this.#services.requestId, error })
    }
  }

  /** The identifier first: where its answer is lost, nothing at the client's counter tells how it went. */
  async #settleLogIn(outcomeAt: (place: Place) => Outcome): Promise<void> {
    const logIn = this.#places.filter(({ name }) => name !== REGISTRATION).toReversed()
    for (const place of logIn) {
      this.#replace(place, { held: false })
      await orUnavailable(this.#settle(place, outcomeAt(place)))
    }
  }

  /** @throws where the object is out of reach, or knows nothing of the attempt and would not let it through now */
  async #settle(place: Place, outcome: Outcome): Promise<void> {
    const { name: rule, limit, counter, admitted } = place
    const request = { rule, limit, id: this.#id, outcome, challenged: !admitted }
    const { settled, status } = await this.#services.counter(counter).settle(request)
    if (!settled) throw new Error(`${rule}: the counter has no memory of the attempt`)
    this.#report(place, status)
  }

  #take({ name: rule, limit, counter }: Place): Promise<Reservation> {
    const waits = counter === this.#request.client
    const reservation = this.#services.counter(counter).reserve({ rule, limit, id: this.#id, waits })
    return orUnavailable(reservation, {}, waits ? MAX_WAIT_MS + DEADLINE_MS : DEADLINE_MS)
  }

  async #look({ name, limit, counter }: Place): Promise<Reservation> {
    const status = await orUnavailable(this.#services.counter(counter).look(name, limit))
    return { admitted: !status.exhausted, status }
  }

  #replace(place: Place, changes: Partial<Place>): void {
    this.#places = this.#places.map((other) => (other.name === place.name ? { ...other, ...changes } : other))
  }

  #report({ name, limit, counter }: Place, status: LimitStatus): void {
    if (counter === this.#request.client) this.#services.reportLimit({ name, limit, status })
  }
}

/** Where only pending attempts stood in the way, one of them may settle at any moment. */
export function blocked(name: RuleName, { exhausted, resetInMs }: LimitStatus): ServiceError {
  const retryAfterSeconds = exhausted ? Math.ceil(resetInMs / 1000) : 1
  return new ServiceError(BLOCKED[name], {}, { retryAfterSeconds })
}

/** Whether a call that may register counts as one that did, or may have: stored, or told that a name is taken. */
export function countsAsRegistration(error: unknown): boolean {
  if (!(error instanceof ServiceError)) return false
  const { code, members } = error
  const stored = members.registered === true || members.changed === true
  return stored || code === 'identifier_taken' || error instanceof UnconfirmedWriteError
}

/** One call that counts, as its counters see it: reserved before any work is done, settled when its outcome is known. */
import type { ChallengeAction } from '../challenge/challenge.ts'
import type { LimitRule, RuleName } from '../config/limits.ts'
import { type ErrorCode, reach, ServiceError, UnconfirmedWrite } from '../errors.ts'
import type { Outcome, Reservation, Standing } from '../limits/attempt-counter.ts'
import type { Limit } from '../limits/window.ts'
import { describeFault, log } from '../log.ts'
import type { Services } from '../services.ts'
import { checkChallenge } from './check-challenge.ts'
import type { CheckedAccount, Verdict } from './check-password.ts'

export interface AttemptRequest {
  readonly action: ChallengeAction
  /** The name of the client's counter. */
  readonly client: string
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
  /** Whether the counter holds this place until it is settled; an attempt that solves a challenge takes none. */
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

  constructor(services: Services, request: AttemptRequest) {
    this.#services = services
    this.#request = request
  }

  /**
   * Asks the counter of a rule, which may let the attempt wait for others.
   * @throws {ServiceError} `too_many_*`; `challenge_required` where no answer was sent; `unavailable`
   */
  async reserve({ name, rule, counter }: AppliedRule): Promise<void> {
    if (!rule.enabled) return
    const limit = { windowMs: rule.window_seconds * 1000, threshold: rule.threshold }
    const place = { name, limit, counter, held: this.#level === null }
    this.#places = [...this.#places, place]
    const { admitted, standing } = await this.#take(place)
    this.#report(place, standing)
    if (admitted) return
    this.#places = [...this.#places.slice(0, -1), { ...place, held: false }]
    if (rule.action === 'block') throw blocked(name, standing)
    this.#level = Math.max(this.#level ?? 0, standing.level)
    if (this.#request.challenge === undefined) await this.prove()
  }

  /**
   * Checks the answer to the challenge, where a rule asked for one.
   * @throws {ServiceError} as checkChallenge
   */
  async prove(): Promise<void> {
    const { action, client, challenge } = this.#request
    if (this.#level === null) return
    await checkChallenge(this.#services, { action, client, level: this.#level }, challenge)
  }

  /**
   * Lets a right password pass. A wrong one counts; a disabled account neither counts nor clears.
   * @throws {ServiceError} `invalid_credentials`, `account_disabled`; `unavailable` where nobody may learn which
   */
  async admit(verdict: Verdict): Promise<CheckedAccount> {
    if (verdict.outcome === 'right') return verdict.checked
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

  /** Settles what is left: a registration, and places whose outcome never came. A fault here costs a wait at most. */
  async finish(registered: boolean): Promise<void> {
    const counts = ({ name }: Place) => registered && name === REGISTRATION
    const left = this.#places.filter((place) => place.held || counts(place))
    const told = left.map((place) =>
      this.#settle(place, counts(place) ? { kind: 'counted', account: '' } : { kind: 'void' }),
    )
    for (const answer of await Promise.allSettled(told)) {
      if (answer.status === 'fulfilled') continue
      const fault = describeFault(answer.reason)
      log('warn', 'attempt_not_settled', { request_id: this.#services.requestId, fault })
    }
  }

  async #settleLogIn(outcomeAt: (place: Place) => Outcome): Promise<void> {
    const logIn = this.#places.filter(({ name }) => name !== REGISTRATION)
    const told = await Promise.allSettled(logIn.map((place) => this.#settle(place, outcomeAt(place))))
    this.#places = this.#places.map((place) => (logIn.includes(place) ? { ...place, held: false } : place))
    const withheld = told.find((answer) => answer.status === 'rejected')
    if (withheld !== undefined) throw new ServiceError('unavailable', {}, { cause: withheld.reason })
  }

  /** @throws where the object is out of reach, or knows nothing of the attempt and would not let it through now */
  async #settle(place: Place, outcome: Outcome): Promise<void> {
    const { name: rule, limit, counter } = place
    const request = { rule, limit, id: this.#id, outcome, challenged: this.#level !== null }
    const { settled, standing } = await this.#services.counter(counter).settle(request)
    this.#report(place, standing)
    if (!settled) throw new Error(`${rule}: the counter has no memory of the attempt`)
  }

  async #take({ name: rule, limit, counter, held }: Place): Promise<Reservation> {
    const object = this.#services.counter(counter)
    const waits = counter === this.#request.client
    if (held) return reach(object.reserve({ rule, limit, id: this.#id, waits }))
    const standing = await reach(object.look(rule, limit))
    return { admitted: !standing.full, standing }
  }

  #report({ name, limit, counter }: Place, standing: Standing): void {
    if (counter === this.#request.client) this.#services.reportLimit({ name, limit, standing })
  }
}

/** Where only pending attempts stood in the way, one of them may settle at any moment. */
function blocked(name: RuleName, { full, untilNextMs }: Standing): ServiceError {
  const retryAfterSeconds = full ? Math.ceil(untilNextMs / 1000) : 1
  return new ServiceError(BLOCKED[name], {}, { retryAfterSeconds })
}

/** Whether a call that may register counts as one that did, or may have: stored, or told that a name is taken. */
export function countsAsRegistration(fault: unknown): boolean {
  if (!(fault instanceof ServiceError)) return false
  const { code, members } = fault
  const stored = members.registered === true || members.changed === true
  return stored || code === 'identifier_taken' || fault instanceof UnconfirmedWrite
}

/**
 * One Durable Object for each requester and for each identifier, which counts its events. An attempt is reserved before work
 * starts, and settled afterwards. Counted events are stored. Pending logins are in memory only, so that a successful login with
 * no failures to clear and no challenge writes nothing. Storage is read and written synchronously, so RPCs never interleave.
 */
import { DurableObject } from 'cloudflare:workers'
import type {
  ChallengedReserveRequest,
  LimitStatus,
  ReserveRequest,
  ReserveResult,
  SettleRequest,
  SettleResult,
} from './counter-rpc.ts'
import {
  decideAdmission,
  limitStatusOf,
  MAX_WAIT_MS,
  RESERVATION_LIFETIME_MS,
  type RuleAttempts,
  type RuleState,
  ruleStateOf,
  type Waiter,
} from './limit-status.ts'
import { RULES, type RuleName } from './rules.ts'
import {
  addEvent,
  EMPTY_TALLY,
  type Limit,
  meetsDifficulty,
  removeAccountEvents,
  removeAllEvents,
  removeEvent,
  type Tally,
} from './window.ts'

const TALLY_PREFIX = 'tally:'
const NONCE_PREFIX = 'nonce:'
const ALARM_KEY = 'alarm'
/** The minimum time between alarms, so that one alarm deletes many records. */
const MIN_ALARM_INTERVAL_MS = 60_000

export class AttemptCounter extends DurableObject {
  readonly #attempts = new Map<RuleName, RuleAttempts>()

  /** Admits an attempt or refuses it. It may wait until other attempts settle. */
  async reserve(request: ReserveRequest): Promise<ReserveResult> {
    const nowMs = Date.now()
    this.#wake(request.rule, nowMs)
    const decision = this.#decide(request, this.#attemptsOf(request.rule).waiting.length, nowMs)
    if (decision === 'wait' && request.waits) return this.#wait(request)
    return decision === 'admit' ? this.#admit(request, nowMs) : this.#refuse(request, nowMs)
  }

  /**
   * Reports an attempt's outcome. Without a reservation, settles it only if it would be admitted now or has a solved challenge. A
   * repeated report counts once.
   */
  settle(request: SettleRequest): SettleResult {
    const { rule, limit, id } = request
    const nowMs = Date.now()
    const settled = this.#maySettle(request, nowMs)
    this.#removeAttempt(rule, id, nowMs)
    if (settled) this.#record(request, nowMs)
    this.#wake(rule, nowMs)
    return { settled, status: this.#status(rule, limit, nowMs) }
  }

  /** Reads the limit status without a reservation. */
  peek(rule: RuleName, limit: Limit): LimitStatus {
    return this.#status(rule, limit, Date.now())
  }

  /**
   * Admits an attempt with a solved challenge if the challenge was difficult enough. All attempts in flight count, so that
   * attempts that are sent at once require no less work than attempts that are sent one after the other.
   */
  reserveChallenged({ rule, limit, id, difficulty }: ChallengedReserveRequest): ReserveResult {
    const nowMs = Date.now()
    const before = this.#status(rule, limit, nowMs)
    if (!meetsDifficulty(difficulty, before.difficulty)) return { admitted: false, status: before }
    this.#storeRegistration({ rule, limit, id }, nowMs)
    this.#attemptsOf(rule).challenged.set(id, nowMs + RESERVATION_LIFETIME_MS)
    return { admitted: true, status: before }
  }

  /** Marks a nonce as consumed until its challenge expires. @returns false if it was consumed already or has expired */
  consumeNonce(nonce: string, expiresAtMs: number): boolean {
    const nowMs = Date.now()
    const key = NONCE_PREFIX + nonce
    if (nowMs >= expiresAtMs || this.ctx.storage.kv.get(key) !== undefined) return false
    this.ctx.storage.kv.put(key, expiresAtMs)
    this.#scheduleAlarm(expiresAtMs, nowMs)
    return true
  }

  /** Deletes the records that have expired. */
  override async alarm(): Promise<void> {
    const nowMs = Date.now()
    const records = this.#expiries()
    const expired = records.filter(([, expiresAtMs]) => nowMs >= expiresAtMs)
    if (expired.length === records.length) return this.ctx.storage.deleteAll()
    this.ctx.storage.kv.delete(ALARM_KEY)
    for (const [key] of expired) this.ctx.storage.kv.delete(key)
    const later = records.map(([, expiresAtMs]) => expiresAtMs).filter((expiresAtMs) => nowMs < expiresAtMs)
    this.#scheduleAlarm(Math.min(...later), nowMs)
  }

  #decide({ rule, limit }: ReserveRequest, ahead: number, nowMs: number): 'admit' | 'wait' | 'refuse' {
    const { counted, pending } = this.#state(rule, limit, nowMs)
    return decideAdmission({ threshold: limit.threshold, counted, pending, ahead })
  }

  #admit({ rule, limit, id }: ReserveRequest, nowMs: number): ReserveResult {
    this.#storeRegistration({ rule, limit, id }, nowMs)
    this.#attemptsOf(rule).pending.set(id, nowMs + RESERVATION_LIFETIME_MS)
    return { admitted: true, status: this.#status(rule, limit, nowMs) }
  }

  /** Stores a registration when it is reserved. It counts until it is released, even if the Worker stops before settling it. */
  #storeRegistration({ rule, limit, id }: Omit<ChallengedReserveRequest, 'difficulty'>, nowMs: number): void {
    if (RULES[rule].recordedAt !== 'reservation') return
    // A unique account per registration keeps keepNewest from dropping an event in favour of one that is released later.
    this.#record({ rule, limit, id, outcome: { kind: 'counted', account: id } }, nowMs)
  }

  #refuse({ rule, limit }: ReserveRequest, nowMs: number): ReserveResult {
    return { admitted: false, status: this.#status(rule, limit, nowMs) }
  }

  #wait(request: ReserveRequest): Promise<ReserveResult> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#timeOut(waiter, Date.now()), MAX_WAIT_MS)
      const waiter = { request, resolve, timer }
      this.#attemptsOf(request.rule).waiting.push(waiter)
    })
  }

  /** Ends the wait at the timeout, then checks the attempts behind it again: if the rule has changed, their threshold differs. */
  #timeOut(waiter: Waiter, nowMs: number): void {
    this.#stopWaiting(waiter, nowMs)
    this.#wake(waiter.request.rule, nowMs)
  }

  #stopWaiting(waiter: Waiter, nowMs: number): void {
    const { request, resolve, timer } = waiter
    const { waiting } = this.#attemptsOf(request.rule)
    clearTimeout(timer)
    waiting.splice(waiting.indexOf(waiter), 1)
    const admitted = this.#decide(request, 0, nowMs) === 'admit'
    resolve(admitted ? this.#admit(request, nowMs) : this.#refuse(request, nowMs))
  }

  /** Admits or refuses waiting attempts in their order, up to the first that must still wait. */
  #wake(rule: RuleName, nowMs: number): void {
    const { waiting } = this.#attemptsOf(rule)
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (this.#decide(first.request, 0, nowMs) === 'wait') return
      this.#stopWaiting(first, nowMs)
    }
  }

  /** Removes an attempt from memory. If it still waits, it is refused: its Worker has stopped waiting for the result. */
  #removeAttempt(rule: RuleName, id: string, nowMs: number): void {
    const { pending, challenged, waiting } = this.#attemptsOf(rule)
    pending.delete(id)
    challenged.delete(id)
    const waiter = waiting.find(({ request }) => request.id === id)
    if (waiter === undefined) return
    clearTimeout(waiter.timer)
    waiting.splice(waiting.indexOf(waiter), 1)
    waiter.resolve(this.#refuse(waiter.request, nowMs))
  }

  #maySettle({ rule, limit, id, challenged }: SettleRequest, nowMs: number): boolean {
    const { events, counted, pending } = this.#state(rule, limit, nowMs)
    const { pending: admitted, challenged: solved } = this.#attemptsOf(rule)
    const reserved = admitted.has(id) || solved.has(id) || events.some((event) => event.id === id)
    return reserved || challenged || counted + pending < limit.threshold
  }

  #record({ rule, limit, id, outcome }: Omit<SettleRequest, 'challenged'>, nowMs: number): void {
    const exceeded = this.#state(rule, limit, nowMs).counted >= limit.threshold
    this.#change(rule, nowMs, (tally) => {
      if (outcome.kind === 'void') return removeEvent(tally, id)
      if (outcome.kind === 'counted')
        return addEvent(tally, { id, atMs: nowMs, account: outcome.account }, exceeded, limit)
      return outcome.account === null ? removeAllEvents(tally) : removeAccountEvents(tally, outcome.account)
    })
  }

  #status(rule: RuleName, limit: Limit, nowMs: number): LimitStatus {
    return limitStatusOf(this.#state(rule, limit, nowMs), limit, nowMs)
  }

  /** Returns the state of a rule, and removes the reservations that have expired. */
  #state(rule: RuleName, limit: Limit, nowMs: number): RuleState {
    const { pending, challenged } = this.#attemptsOf(rule)
    for (const attempts of [pending, challenged]) {
      for (const [id, expiresAtMs] of attempts) {
        if (nowMs >= expiresAtMs) attempts.delete(id)
      }
    }
    return ruleStateOf(this.#tally(rule), { pending, challenged }, limit, nowMs)
  }

  #attemptsOf(rule: RuleName): RuleAttempts {
    const attempts = this.#attempts.get(rule) ?? { pending: new Map(), challenged: new Map(), waiting: [] }
    this.#attempts.set(rule, attempts)
    return attempts
  }

  #tally(rule: RuleName): Tally {
    return this.ctx.storage.kv.get<Tally>(TALLY_PREFIX + rule) ?? EMPTY_TALLY
  }

  /** Writes a tally if it has changed, and schedules the alarm that deletes it. */
  #change(rule: RuleName, nowMs: number, change: (tally: Tally) => Tally): void {
    const tally = this.#tally(rule)
    const changed = change(tally)
    if (changed === tally) return
    this.ctx.storage.kv.put(TALLY_PREFIX + rule, changed)
    this.#scheduleAlarm(changed.keepUntilMs, nowMs)
  }

  /** The keys of all stored records, each with the time at which it expires. */
  #expiries(): readonly (readonly [string, number])[] {
    const tallies = [...this.ctx.storage.kv.list<Tally>({ prefix: TALLY_PREFIX })]
    const nonces = [...this.ctx.storage.kv.list<number>({ prefix: NONCE_PREFIX })]
    return [...tallies.map(([key, { keepUntilMs }]) => [key, keepUntilMs] as const), ...nonces]
  }

  /** Keeps an earlier pending alarm, which sets the next one. Its time is stored, so that eviction cannot keep postponing it. */
  #scheduleAlarm(atMs: number, nowMs: number): void {
    const alarmAtMs = Math.max(atMs, nowMs + MIN_ALARM_INTERVAL_MS)
    const scheduledForMs = this.ctx.storage.kv.get<number>(ALARM_KEY) ?? 0
    if (nowMs < scheduledForMs && scheduledForMs <= alarmAtMs) return
    this.ctx.storage.kv.put(ALARM_KEY, alarmAtMs)
    this.ctx.storage.setAlarm(alarmAtMs)
  }
}

type Rpc = 'reserve' | 'settle' | 'peek' | 'reserveChallenged' | 'consumeNonce'

/** The object's RPCs, as seen by the calling Worker: the platform's own stub type cannot express results that are unions. */
export type AttemptCounterStub = {
  readonly [Name in Rpc]: (
    ...args: Parameters<AttemptCounter[Name]>
  ) => Promise<Awaited<ReturnType<AttemptCounter[Name]>>>
}

/**
 * One Durable Object per client address and per identifier: what counts against it. An attempt is reserved before
 * any work is done, and settled afterwards. What counts is stored; pending log ins are in memory alone, so that an
 * honest one writes nothing. Storage is read and written synchronously, so that no two calls interleave.
 */
import { DurableObject } from 'cloudflare:workers'
import type { RuleName } from '../config/limits.ts'
import type {
  LimitStatus,
  ProveRequest,
  Reservation,
  ReserveRequest,
  Settlement,
  SettleRequest,
} from './counter-rpc.ts'
import {
  judge,
  LAPSE_MS,
  limitStatusOf,
  MAX_WAIT_MS,
  type UnderWay,
  type View,
  viewOf,
} from './limit-status.ts'
import { clear, clearAll, count, EMPTY, type Limit, meetsDifficulty, type Tally, takeBack } from './window.ts'

interface Waiter {
  readonly request: ReserveRequest
  readonly resolve: (reservation: Reservation) => void
  readonly timer: ReturnType<typeof setTimeout>
}

/** What is in memory of one rule. */
interface Queue extends UnderWay {
  readonly pending: Map<string, number>
  readonly proving: Map<string, number>
  readonly waiting: Waiter[]
}

const TALLY_PREFIX = 'tally:'
const NONCE_PREFIX = 'nonce:'
const ALARM_KEY = 'alarm'
/** So that nothing expires one by one under load. */
const MIN_ALARM_INTERVAL_MS = 60_000

export class AttemptCounter extends DurableObject {
  readonly #queues = new Map<RuleName, Queue>()

  /** Lets an attempt through, or not; may wait for others to settle. */
  async reserve(request: ReserveRequest): Promise<Reservation> {
    const nowMs = Date.now()
    this.#wake(request.rule, nowMs)
    const verdict = this.#judge(request, this.#queue(request.rule).waiting.length, nowMs)
    if (verdict === 'wait' && request.waits) return this.#wait(request)
    return verdict === 'admit' ? this.#admit(request, nowMs) : this.#refuse(request, nowMs)
  }

  /** Says how a reserved attempt went. Told twice, it counts once. */
  settle(request: SettleRequest): Settlement {
    const { rule, limit, id } = request
    const nowMs = Date.now()
    const settled = this.#maySettle(request, nowMs)
    this.#forget(rule, id, nowMs)
    if (settled) this.#record(request, nowMs)
    this.#wake(rule, nowMs)
    return { settled, status: this.#status(rule, limit, nowMs) }
  }

  /** How the key stands with a rule, without taking a place. */
  look(rule: RuleName, limit: Limit): LimitStatus {
    return this.#status(rule, limit, Date.now())
  }

  /**
   * Lets an attempt with a solved challenge through, if that is dear enough: all that are under way at once count, so
   * that none is cheaper for coming together with others.
   */
  prove({ rule, limit, id, level }: ProveRequest): Reservation {
    const nowMs = Date.now()
    const before = this.#status(rule, limit, nowMs)
    const admitted = meetsDifficulty(level, before.level)
    if (!admitted) return { admitted, status: before }
    this.#storeRegistration({ rule, limit, id }, nowMs)
    this.#queue(rule).proving.set(id, nowMs + LAPSE_MS)
    return { admitted, status: before }
  }

  /** Claims a challenge's nonce while the challenge lives. @returns whether nobody had. */
  claim(nonce: string, expiresAtMs: number): boolean {
    const nowMs = Date.now()
    const key = NONCE_PREFIX + nonce
    if (nowMs >= expiresAtMs || this.ctx.storage.kv.get(key) !== undefined) return false
    this.ctx.storage.kv.put(key, expiresAtMs)
    this.#wakeUpBy(expiresAtMs, nowMs)
    return true
  }

  /** Forgets what no longer counts. */
  override async alarm(): Promise<void> {
    const nowMs = Date.now()
    const ends = this.#ends()
    const over = ends.filter(([, endsAtMs]) => nowMs >= endsAtMs)
    if (over.length === ends.length) return this.ctx.storage.deleteAll()
    this.ctx.storage.kv.delete(ALARM_KEY)
    for (const [key] of over) this.ctx.storage.kv.delete(key)
    const later = ends.map(([, endsAtMs]) => endsAtMs).filter((endsAtMs) => nowMs < endsAtMs)
    this.#wakeUpBy(Math.min(...later), nowMs)
  }

  #judge({ rule, limit }: ReserveRequest, ahead: number, nowMs: number): 'admit' | 'wait' | 'refuse' {
    const { counted, pending } = this.#view(rule, limit, nowMs)
    return judge({ threshold: limit.threshold, counted, pending, ahead })
  }

  #admit({ rule, limit, id }: ReserveRequest, nowMs: number): Reservation {
    this.#storeRegistration({ rule, limit, id }, nowMs)
    this.#queue(rule).pending.set(id, nowMs + LAPSE_MS)
    return { admitted: true, status: this.#status(rule, limit, nowMs) }
  }

  /** A registration is stored before it is done: whatever becomes of the Worker, it counts until it is taken back. */
  #storeRegistration({ rule, limit, id }: Omit<ProveRequest, 'level'>, nowMs: number): void {
    if (rule !== 'registrations_per_ip') return
    // Each is its own: those that are taken back must not have pushed others out.
    const outcome = { kind: 'counted', account: id } as const
    this.#record({ rule, limit, id, outcome }, nowMs)
  }

  #refuse({ rule, limit }: ReserveRequest, nowMs: number): Reservation {
    return { admitted: false, status: this.#status(rule, limit, nowMs) }
  }

  #wait(request: ReserveRequest): Promise<Reservation> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(waiter, Date.now()), MAX_WAIT_MS)
      const waiter = { request, resolve, timer }
      this.#queue(request.rule).waiting.push(waiter)
    })
  }

  /** Those behind may go by another rule, if it changed meanwhile. */
  #giveUp(waiter: Waiter, nowMs: number): void {
    this.#stopWaiting(waiter, nowMs)
    this.#wake(waiter.request.rule, nowMs)
  }

  #stopWaiting(waiter: Waiter, nowMs: number): void {
    const { request, resolve, timer } = waiter
    const { waiting } = this.#queue(request.rule)
    clearTimeout(timer)
    waiting.splice(waiting.indexOf(waiter), 1)
    const admitted = this.#judge(request, 0, nowMs) === 'admit'
    resolve(admitted ? this.#admit(request, nowMs) : this.#refuse(request, nowMs))
  }

  /** Answers those who wait, in their order, as far as it is clear how. */
  #wake(rule: RuleName, nowMs: number): void {
    const { waiting } = this.#queue(rule)
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (this.#judge(first.request, 0, nowMs) === 'wait') return
      this.#stopWaiting(first, nowMs)
    }
  }

  /** Drops what memory has of an attempt; one that waits still is refused, since nobody waits for the answer. */
  #forget(rule: RuleName, id: string, nowMs: number): void {
    const { pending, proving, waiting } = this.#queue(rule)
    pending.delete(id)
    proving.delete(id)
    const waiter = waiting.find(({ request }) => request.id === id)
    if (waiter === undefined) return
    clearTimeout(waiter.timer)
    waiting.splice(waiting.indexOf(waiter), 1)
    waiter.resolve(this.#refuse(waiter.request, nowMs))
  }

  #maySettle({ rule, limit, id, challenged }: SettleRequest, nowMs: number): boolean {
    const { events, counted, pending } = this.#view(rule, limit, nowMs)
    const { pending: held, proving } = this.#queue(rule)
    const known = held.has(id) || proving.has(id) || events.some((event) => event.id === id)
    return known || challenged || counted + pending < limit.threshold
  }

  #record({ rule, limit, id, outcome }: Omit<SettleRequest, 'challenged'>, nowMs: number): void {
    const full = this.#view(rule, limit, nowMs).counted >= limit.threshold
    this.#change(rule, nowMs, (tally) => {
      if (outcome.kind === 'void') return takeBack(tally, id)
      if (outcome.kind === 'counted')
        return count(tally, { id, atMs: nowMs, account: outcome.account }, full, limit)
      return outcome.account === null ? clearAll(tally) : clear(tally, outcome.account)
    })
  }

  #status(rule: RuleName, limit: Limit, nowMs: number): LimitStatus {
    return limitStatusOf(this.#view(rule, limit, nowMs), limit, nowMs)
  }

  /** Drops attempts that have lapsed on the way. */
  #view(rule: RuleName, limit: Limit, nowMs: number): View {
    const { pending, proving } = this.#queue(rule)
    for (const attempts of [pending, proving]) {
      for (const [id, lapsesAtMs] of attempts) {
        if (nowMs >= lapsesAtMs) attempts.delete(id)
      }
    }
    return viewOf(this.#tally(rule), { pending, proving }, limit, nowMs)
  }

  #queue(rule: RuleName): Queue {
    const queue = this.#queues.get(rule) ?? { pending: new Map(), proving: new Map(), waiting: [] }
    this.#queues.set(rule, queue)
    return queue
  }

  #tally(rule: RuleName): Tally {
    return this.ctx.storage.kv.get<Tally>(TALLY_PREFIX + rule) ?? EMPTY
  }

  /** Writes a tally that has changed, and sees to the alarm that clears it. */
  #change(rule: RuleName, nowMs: number, change: (tally: Tally) => Tally): void {
    const tally = this.#tally(rule)
    const changed = change(tally)
    if (changed === tally) return
    this.ctx.storage.kv.put(TALLY_PREFIX + rule, changed)
    this.#wakeUpBy(changed.keepUntilMs, nowMs)
  }

  /** What is stored, by its key: until when. */
  #ends(): readonly (readonly [string, number])[] {
    const tallies = [...this.ctx.storage.kv.list<Tally>({ prefix: TALLY_PREFIX })]
    const nonces = [...this.ctx.storage.kv.list<number>({ prefix: NONCE_PREFIX })]
    return [...tallies.map(([key, { keepUntilMs }]) => [key, keepUntilMs] as const), ...nonces]
  }

  /** An alarm that comes earlier sees to a later one. Stored, so that a loss of memory cannot put it off for ever. */
  #wakeUpBy(atMs: number, nowMs: number): void {
    const alarmAtMs = Math.max(atMs, nowMs + MIN_ALARM_INTERVAL_MS)
    const setForMs = this.ctx.storage.kv.get<number>(ALARM_KEY) ?? 0
    if (nowMs < setForMs && setForMs <= alarmAtMs) return
    this.ctx.storage.kv.put(ALARM_KEY, alarmAtMs)
    this.ctx.storage.setAlarm(alarmAtMs)
  }
}

type Method = 'reserve' | 'settle' | 'look' | 'prove' | 'claim'

/** The object as a Worker sees it: the platform's own stub type cannot express answers that are unions. */
export type AttemptCounters = {
  readonly [Name in Method]: (
    ...args: Parameters<AttemptCounter[Name]>
  ) => Promise<Awaited<ReturnType<AttemptCounter[Name]>>>
}

/**
 * One Durable Object for each requester and for each identifier, which counts its events. An attempt is reserved before work
 * starts, and settled afterwards. Storage is read and written synchronously, so RPCs never interleave.
 */
import { DurableObject } from 'cloudflare:workers'
import { consumeNonce, endWait, MAX_WAIT_MS, peek, reserve, type Step, settle } from './counter.ts'
import type {
  AttemptCounterRpc,
  CounterRule,
  LimitStatus,
  ReserveRequest,
  ReserveResult,
  SettleRequest,
  SettleResult,
} from './counter-rpc.ts'
import {
  type ConsumedNonce,
  type InFlight,
  NONE_IN_FLIGHT,
  nextAlarm,
  type RuleState,
} from './counter-state.ts'
import type { RuleName } from './rules.ts'
import { EMPTY_TALLY, type Tally } from './window.ts'

const TALLY_PREFIX = 'tally:'
const NONCE_PREFIX = 'nonce:'
const ALARM_KEY = 'alarm'

/** The stored time of the last alarm that was set, so that eviction cannot keep postponing it. */
interface AlarmRecord {
  readonly format: 1
  readonly atMs: number
}

/** An RPC that waits, by the rule and the id of its attempt. */
interface Wait {
  readonly promise: Promise<ReserveResult>
  readonly resolve: (result: ReserveResult) => void
  readonly timer: ReturnType<typeof setTimeout>
}

export class AttemptCounter extends DurableObject implements AttemptCounterRpc {
  readonly #inFlight = new Map<RuleName, InFlight>()
  readonly #waits = new Map<string, Wait>()

  async reserve(request: ReserveRequest): Promise<ReserveResult> {
    const nowMs = Date.now()
    const { rule, id } = request
    const used = this.#consumedNonce(request)
    if (rule === null) {
      const { result, consumedNonce } = consumeNonce(request, used, nowMs)
      this.#storeNonce(request, consumedNonce, nowMs)
      return result
    }
    const before = this.#load(rule.name)
    const step = reserve(before, { ...request, rule }, used, nowMs)
    this.#storeNonce(request, step.consumedNonce, nowMs)
    this.#save(rule.name, before, step, nowMs)
    return step.result ?? this.#wait(rule.name, id)
  }

  async settle(request: SettleRequest): Promise<SettleResult> {
    const nowMs = Date.now()
    const { name } = request.rule
    const before = this.#load(name)
    const step = settle(before, request, nowMs)
    this.#save(name, before, step, nowMs)
    return step.result
  }

  async peek(rule: CounterRule): Promise<LimitStatus> {
    return peek(this.#load(rule.name), rule, Date.now())
  }

  /** Deletes the records that have expired. */
  override async alarm(): Promise<void> {
    const nowMs = Date.now()
    const records = this.#expiries()
    const later = records.filter(([, expiresAtMs]) => nowMs < expiresAtMs)
    if (later.length === 0) return this.ctx.storage.deleteAll()
    for (const [key, expiresAtMs] of records) {
      if (nowMs >= expiresAtMs) this.ctx.storage.kv.delete(key)
    }
    this.ctx.storage.kv.delete(ALARM_KEY)
    this.#scheduleAlarm(
      later.map(([, expiresAtMs]) => expiresAtMs),
      nowMs,
    )
  }

  #wait(rule: RuleName, id: string): Promise<ReserveResult> {
    const key = waitKey(rule, id)
    const earlier = this.#waits.get(key)
    if (earlier !== undefined) return earlier.promise
    const { promise, resolve } = Promise.withResolvers<ReserveResult>()
    const timer = setTimeout(() => this.#endWait(rule, id, Date.now()), MAX_WAIT_MS)
    this.#waits.set(key, { promise, resolve, timer })
    return promise
  }

  #endWait(rule: RuleName, id: string, nowMs: number): void {
    const before = this.#load(rule)
    this.#save(rule, before, endWait(before, id, nowMs), nowMs)
  }

  #load(rule: RuleName): RuleState {
    const tally = this.ctx.storage.kv.get<Tally>(TALLY_PREFIX + rule) ?? EMPTY_TALLY
    return { ...(this.#inFlight.get(rule) ?? NONE_IN_FLIGHT), tally }
  }

  /** Keeps the state after a step, writes the tally if it has changed, and lets attempts continue that no longer wait. */
  #save(rule: RuleName, before: RuleState, { state, resumed }: Step<unknown>, nowMs: number): void {
    const { tally, ...inFlight } = state
    if (tally !== before.tally) {
      this.ctx.storage.kv.put(TALLY_PREFIX + rule, tally)
      this.#scheduleAlarm([tally.keepUntilMs], nowMs)
    }
    this.#inFlight.set(rule, inFlight)
    for (const [id, result] of resumed) {
      const key = waitKey(rule, id)
      const wait = this.#waits.get(key)
      clearTimeout(wait?.timer)
      wait?.resolve(result)
      this.#waits.delete(key)
    }
  }

  #consumedNonce({ solved }: ReserveRequest): ConsumedNonce | undefined {
    return solved?.nonce
      ? this.ctx.storage.kv.get<ConsumedNonce>(NONCE_PREFIX + solved.nonce.value)
      : undefined
  }

  #storeNonce({ solved }: ReserveRequest, used: ConsumedNonce | null, nowMs: number): void {
    if (!solved?.nonce || used === null) return
    this.ctx.storage.kv.put(NONCE_PREFIX + solved.nonce.value, used)
    this.#scheduleAlarm([used.expiresAtMs], nowMs)
  }

  /** The keys of all stored records, each with the time at which it expires. */
  #expiries(): readonly (readonly [string, number])[] {
    const tallies = [...this.ctx.storage.kv.list<Tally>({ prefix: TALLY_PREFIX })]
    const nonces = [...this.ctx.storage.kv.list<ConsumedNonce>({ prefix: NONCE_PREFIX })]
    return [
      ...tallies.map(([key, { keepUntilMs }]) => [key, keepUntilMs] as const),
      ...nonces.map(([key, { expiresAtMs }]) => [key, expiresAtMs] as const),
    ]
  }

  #scheduleAlarm(expiriesMs: readonly number[], nowMs: number): void {
    const scheduledForMs = this.ctx.storage.kv.get<AlarmRecord>(ALARM_KEY)?.atMs ?? null
    const atMs = nextAlarm(scheduledForMs, expiriesMs, nowMs)
    if (atMs === null || atMs === scheduledForMs) return
    this.ctx.storage.kv.put<AlarmRecord>(ALARM_KEY, { format: 1, atMs })
    this.ctx.storage.setAlarm(atMs)
  }
}

function waitKey(rule: RuleName, id: string): string {
  return `${rule} ${id}`
}

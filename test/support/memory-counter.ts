/** A counter held in memory: what AttemptCounter does, without a Durable Object. */
import {
  consumeNonce,
  endWait,
  MAX_WAIT_MS,
  peek,
  reserve,
  type Step,
  settle,
} from '../../src/limits/counter.ts'
import type {
  AttemptCounterRpc,
  CounterRule,
  LimitStatus,
  ReserveRequest,
  ReserveResult,
  SettleRequest,
  SettleResult,
} from '../../src/limits/counter-rpc.ts'
import { type ConsumedNonce, NONE_IN_FLIGHT, type RuleState } from '../../src/limits/counter-state.ts'
import type { RuleName } from '../../src/limits/rules.ts'
import { EMPTY_TALLY } from '../../src/limits/window.ts'

const INITIAL: RuleState = { ...NONE_IN_FLIGHT, tally: EMPTY_TALLY }

export class MemoryCounter implements AttemptCounterRpc {
  readonly #clock: () => number
  readonly #states = new Map<RuleName, RuleState>()
  readonly #nonces = new Map<string, ConsumedNonce>()
  readonly #waits = new Map<string, PromiseWithResolvers<ReserveResult>>()

  /** @param clock returns unix milliseconds; waits end by setTimeout */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  async reserve(request: ReserveRequest): Promise<ReserveResult> {
    const { rule, id, solved } = request
    const nonce = solved?.nonce?.value ?? ''
    const used = this.#nonces.get(nonce)
    if (rule === null) {
      const { result, consumedNonce } = consumeNonce(request, used, this.#clock())
      if (consumedNonce !== null) this.#nonces.set(nonce, consumedNonce)
      return result
    }
    const step = reserve(this.state(rule.name), { ...request, rule }, used, this.#clock())
    if (step.consumedNonce !== null) this.#nonces.set(nonce, step.consumedNonce)
    return this.#keep(rule.name, step) ?? this.#wait(rule.name, id)
  }

  async settle(request: SettleRequest): Promise<SettleResult> {
    const { name } = request.rule
    return this.#keep(name, settle(this.state(name), request, this.#clock()))
  }

  async peek(rule: CounterRule): Promise<LimitStatus> {
    return peek(this.state(rule.name), rule, this.#clock())
  }

  /** The state of a rule, for assertions. */
  state(rule: RuleName): RuleState {
    return this.#states.get(rule) ?? INITIAL
  }

  #keep<Result>(rule: RuleName, { state, result, resumed }: Step<Result>): Result {
    this.#states.set(rule, state)
    for (const [id, resumedWith] of resumed) {
      this.#waits.get(`${rule} ${id}`)?.resolve(resumedWith)
      this.#waits.delete(`${rule} ${id}`)
    }
    return result
  }

  #wait(rule: RuleName, id: string): Promise<ReserveResult> {
    const key = `${rule} ${id}`
    const waiting = this.#waits.get(key) ?? Promise.withResolvers<ReserveResult>()
    if (this.#waits.has(key)) return waiting.promise
    this.#waits.set(key, waiting)
    setTimeout(() => this.#keep(rule, endWait(this.state(rule), id, this.#clock())), MAX_WAIT_MS)
    return waiting.promise
  }
}

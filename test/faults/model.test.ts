import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it, vi } from 'vitest'
import { newAddress, newName, workerWith } from '../support/client.ts'
import { controlDeadlines, FAULTS, type FaultKind, runIsolate, useFastPasswords } from '../support/faults.ts'
import { LaggingReplica } from '../support/replica.ts'
import type { Problem, Tokens, User } from '../support/responses.ts'
import { EMPTY, type Operation, PASSWORDS, reported, type Step, step, type World } from './model.ts'
import { type Real, requestOf, type SessionTokens } from './requests.ts'

/** A fixed seed, so that no run fails by chance. `npm run test:model` draws other sequences each time. */
const DRAWN = env.MODEL_RUNS === '' ? { numRuns: 600, seed: 20_261_125 } : { numRuns: Number(env.MODEL_RUNS) }
const TIMEOUT_MS = DRAWN.numRuns * 1_000
/** Above what one run reaches: the model has no limits. */
const unreached = { threshold: 1_000 }
const LIMITS = {
  registrations_per_ip: unreached,
  login_failures_per_ip: unreached,
  login_failures_per_account: unreached,
}

/** All runs share the databases, so that the replica follows the primary from the first write on. */
const replica = new LaggingReplica(0)
const settings = { DB: replica.db, LIMITS }

beforeEach(() => {
  useFastPasswords()
  controlDeadlines()
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation(() => {})
})
afterEach(() => vi.restoreAllMocks())

interface Fault {
  readonly kind: FaultKind
  readonly at: number
}

/** What the caller learns from a request. */
interface Observation {
  /** In the model's terms; null if no response or a 503 came. */
  readonly result: string | null
  /** Whether a 503 says that the change is done. */
  readonly done: boolean
  readonly tokens: SessionTokens | null
}

interface Model {
  worlds: readonly World[]
  /** The number of the session that the next operation may open. */
  nextSession: number
}

class Perform implements fc.AsyncCommand<Model, Real> {
  readonly operation: Operation
  readonly fault: Fault | null

  constructor(operation: Operation, fault: Fault | null) {
    this.operation = operation
    this.fault = fault
  }

  check = () => true

  async run(model: Model, real: Real): Promise<void> {
    const operation = withKnownSession(this.operation, real)
    const newSession = model.nextSession++
    const observed = await perform(operation, real, this.fault)
    recordTokens(observed, operation, newSession, real)
    const possible = model.worlds.flatMap((world) =>
      worldsAfter(world, operation, newSession, observed, this.fault !== null),
    )
    if (possible.length === 0)
      throw new Error(
        `no world matches: ${JSON.stringify({ operation, observed, worlds: model.worlds }, serializable)}`,
      )
    model.worlds = distinct(possible)
  }

  toString = () => JSON.stringify({ ...this.operation, ...(this.fault && { fault: this.fault }) })
}

/** Two concurrent requests: one of the two orders must match. */
class PerformConcurrently implements fc.AsyncCommand<Model, Real> {
  readonly operations: readonly [Operation, Operation]

  constructor(operations: readonly [Operation, Operation]) {
    this.operations = operations
  }

  check = () => true

  async run(model: Model, real: Real): Promise<void> {
    const [first, second] = this.operations.map((operation) => withKnownSession(operation, real)) as [
      Operation,
      Operation,
    ]
    const newSession = [model.nextSession++, model.nextSession++] as const
    const observed = await Promise.all([perform(first, real, null), perform(second, real, null)])
    const observations = [
      [first, newSession[0], observed[0]] as const,
      [second, newSession[1], observed[1]] as const,
    ]
    // A new password invalidates the tokens of a concurrent refresh.
    const refreshFirst = observations.toSorted(
      ([a], [b]) => Number(b.kind === 'refresh') - Number(a.kind === 'refresh'),
    )
    for (const [operation, number, observation] of refreshFirst)
      recordTokens(observation, operation, number, real)
    const inOrder = (world: World, [one, other]: readonly [0 | 1, 0 | 1]) => {
      const both = [first, second] as const
      return worldsAfterConcurrent(world, both[one], newSession[one], observed[one]).flatMap((between) => [
        ...worldsAfterConcurrent(between, both[other], newSession[other], observed[other]),
        ...worldsAfterConcurrent(between, both[other], newSession[other], observed[other], world),
      ])
    }
    const possible = model.worlds.flatMap((world) => [...inOrder(world, [0, 1]), ...inOrder(world, [1, 0])])
    if (possible.length === 0)
      throw new Error(
        `no order matches: ${JSON.stringify({ first, second, observed, worlds: model.worlds }, serializable)}`,
      )
    model.worlds = distinct(possible)
  }

  toString = () => `concurrently ${JSON.stringify(this.operations)}`
}

class SetReplicaLag implements fc.AsyncCommand<Model, Real> {
  readonly writes: number

  constructor(writes: number) {
    this.writes = writes
  }

  check = () => true

  run = () => replica.lag(this.writes)

  toString = () => `replica lag ${this.writes}`
}

/** The worlds that one world may become, given an observation. */
function worldsAfter(
  world: World,
  operation: Operation,
  newSession: number,
  observed: Observation,
  faulty: boolean,
): readonly World[] {
  const expected = step(world, operation, newSession)
  if (observed.result !== null)
    return [
      ...(expected.result === observed.result ? [expected.after] : []),
      ...staleWorlds(expected, observed),
    ]
  if (!faulty) return []
  return observed.done ? expected.responseLost : [world, ...expected.responseLost]
}

/**
 * The same beside a concurrent request. That one may end a session between the token check and the rest of the call, so
 * a refusal may have a different reason, and a change may be done although its caller gets no new tokens.
 */
function worldsAfterConcurrent(
  world: World,
  operation: Operation,
  newSession: number,
  observed: Observation,
  atTokenCheck = world,
): readonly World[] {
  const expected = step(world, operation, newSession, atTokenCheck)
  if (observed.done) return expected.responseLost
  if (observed.result === null) return []
  const refused = (result: string) => !result.startsWith('ok')
  const matches = refused(observed.result) ? refused(expected.result) : expected.result === observed.result
  return [...(matches ? [expected.after] : []), ...staleWorlds(expected, observed)]
}

function staleWorlds({ stale = [] }: Step, { result }: Observation): readonly World[] {
  return result === 'ok' ? stale : []
}

/** Replaces a drawn session number by that of a session whose tokens are known. */
function withKnownSession(operation: Operation, { tokens }: Real): Operation {
  if (!('session' in operation)) return operation
  const numbers = [...tokens.keys()]
  return { ...operation, session: numbers[operation.session % Math.max(1, numbers.length)] ?? -1 }
}

function recordTokens({ tokens }: Observation, operation: Operation, newSession: number, real: Real): void {
  if (tokens === null) return
  real.tokens.set('session' in operation ? operation.session : newSession, tokens)
}

async function perform(operation: Operation, real: Real, fault: Fault | null): Promise<Observation> {
  const send = await requestOf(operation, real)
  const isolate = { fetch: real.fetch, cron: () => healthyCron() }
  const response = fault === null ? await send(isolate) : (await runIsolate(send, fault, settings)).response
  if (response === null) return { result: null, done: false, tokens: null }
  const body = response.status === 204 ? {} : ((await response.json()) as Partial<Problem & Tokens & User>)
  if (response.status === 503) {
    return { result: null, done: body.changed === true || body.registered === true, tokens: null }
  }
  if (!response.ok) return { result: body.code ?? String(response.status), done: false, tokens: null }
  const { access_token, refresh_token } = body
  const tokens = access_token && refresh_token ? { access_token, refresh_token } : null
  return {
    result: operation.kind === 'read profile' ? `ok ${profileIn(body)}` : 'ok',
    done: false,
    tokens,
  }
}

function profileIn({ roles = [], name }: Partial<User>): string {
  return reported({ role: roles.join(), name: name ?? '' })
}

async function healthyCron(): Promise<void> {
  await runIsolate(
    async ({ cron }) => {
      await cron()
      return new Response()
    },
    null,
    settings,
  )
}

function distinct(worlds: readonly World[]): readonly World[] {
  return [...new Map(worlds.map((world) => [JSON.stringify(world, serializable), world])).values()]
}

function serializable(_name: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value
}

const password = fc.constantFrom(...PASSWORDS)
const session = fc.nat(3)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), password }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('log in' as const), password }) },
  fc.record({ kind: fc.constant('refresh' as const), session }),
  fc.record({ kind: fc.constant('read profile' as const), session }),
  fc.record({ kind: fc.constant('set name' as const), session, name: fc.constantFrom('Ada', 'Grace') }),
  fc.record({ kind: fc.constant('change password' as const), session, password, to: password }),
  fc.record({ kind: fc.constant('delete account' as const), session, password }),
  fc.record({ kind: fc.constantFrom('end all' as const, 'end others' as const), session, password }),
  fc.record({ kind: fc.constant('grant' as const), role: fc.constantFrom('reader', 'editor') }),
  fc.record({
    kind: fc.constantFrom('disable' as const, 'enable' as const, 'end sessions' as const, 'cron' as const),
  }),
)
const fault = fc.record({ kind: fc.constantFrom(...FAULTS), at: fc.integer({ min: 1, max: 14 }) })
/** Each run begins with an account. */
const begin = { kind: 'register', password: PASSWORDS[0] } as const

describe('an account and its sessions', () => {
  it(
    'matches a sequential model under faults, replica lag and concurrent requests',
    async () => {
      const commands = fc.commands(
        [
          fc.tuple(operation, fc.option(fault, { freq: 2 })).map(([what, how]) => new Perform(what, how)),
          operation.map((what) => new Perform(what, null)),
          fc.tuple(operation, operation).map((both) => new PerformConcurrently(both)),
          fc.nat(6).map((writes) => new SetReplicaLag(writes)),
        ],
        { maxCommands: 8 },
      )
      const property = fc.asyncProperty(fc.nat(6), commands, async (lag, sequence) => {
        // The recorded calls of the spies would fill the memory over thousands of sequences.
        vi.clearAllMocks()
        await replica.lag(lag)
        const real = {
          name: newName(),
          address: newAddress(),
          fetch: workerWith(settings),
          tokens: new Map(),
        }
        const model: Model = { worlds: [EMPTY], nextSession: 0 }
        await new Perform(begin, null).run(model, real)
        await fc.asyncModelRun(() => ({ model, real }), sequence)
      })
      await fc.assert(property, DRAWN)
    },
    TIMEOUT_MS,
  )
})

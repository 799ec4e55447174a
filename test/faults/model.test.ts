import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it, vi } from 'vitest'
import { newAddress, newName, type Problem, type Tokens, type User, workerWith } from '../support/client.ts'
import { cheapenPasswords, controlDeadlines, FAULTS, type FaultKind, runIsolate } from '../support/faults.ts'
import { LaggingReplica } from '../support/replica.ts'
import { EMPTY, type Operation, PASSWORDS, type Step, step, type World } from './model.ts'
import { type Held, type Real, requestOf } from './requests.ts'

/** The same stories for every change, so that none fails by chance; `npm run test:model` draws others each time. */
const DRAWN = env.MODEL_RUNS === '' ? { numRuns: 600, seed: 20_261_125 } : { numRuns: Number(env.MODEL_RUNS) }
const TIMEOUT_MS = DRAWN.numRuns * 1_000
/** More of everything than one run asks for: limits are no part of the model. */
const plenty = { threshold: 1_000 }
const LIMITS = {
  registrations_per_ip: plenty,
  login_failures_per_ip: plenty,
  login_failures_per_account: plenty,
}

/** All runs share the databases, so that the replica follows from the first write on. */
const replica = new LaggingReplica(0)
const settings = { DB: replica.db, LIMITS }

beforeEach(() => {
  cheapenPasswords()
  controlDeadlines()
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation(() => {})
})
afterEach(() => vi.restoreAllMocks())

interface Fault {
  readonly kind: FaultKind
  readonly at: number
}

interface Told {
  /** As the model words it; null where nothing came, or a 503. */
  readonly answer: string | null
  /** A 503 that says that it is done. */
  readonly done: boolean
  readonly tokens: Held | null
}

interface Model {
  worlds: readonly World[]
  opened: number
}

class Ask implements fc.AsyncCommand<Model, Real> {
  readonly operation: Operation
  readonly fault: Fault | null

  constructor(operation: Operation, fault: Fault | null) {
    this.operation = operation
    this.fault = fault
  }

  check = () => true

  async run(model: Model, real: Real): Promise<void> {
    const operation = present(this.operation, real)
    const opens = model.opened++
    const told = await ask(operation, real, this.fault)
    keep(told, operation, opens, real)
    const possible = model.worlds.flatMap((world) =>
      after(world, operation, opens, told, this.fault !== null),
    )
    if (possible.length === 0)
      throw new Error(
        `no world has this: ${JSON.stringify({ operation, told, worlds: model.worlds }, plain)}`,
      )
    model.worlds = distinct(possible)
  }

  toString = () => JSON.stringify({ ...this.operation, ...(this.fault && { fault: this.fault }) })
}

/** Two requests at once: one of the two orders must fit. */
class AskTogether implements fc.AsyncCommand<Model, Real> {
  readonly operations: readonly [Operation, Operation]

  constructor(operations: readonly [Operation, Operation]) {
    this.operations = operations
  }

  check = () => true

  async run(model: Model, real: Real): Promise<void> {
    const [first, second] = this.operations.map((operation) => present(operation, real)) as [
      Operation,
      Operation,
    ]
    const opens = [model.opened++, model.opened++] as const
    const told = await Promise.all([ask(first, real, null), ask(second, real, null)])
    const answers = [[first, opens[0], told[0]] as const, [second, opens[1], told[1]] as const]
    // A new password voids what a refresh beside it was given.
    const refreshFirst = answers.toSorted(
      ([a], [b]) => Number(b.kind === 'refresh') - Number(a.kind === 'refresh'),
    )
    for (const [operation, number, answer] of refreshFirst) keep(answer, operation, number, real)
    const inOrder = (world: World, [one, other]: readonly [0 | 1, 0 | 1]) => {
      const both = [first, second] as const
      return meet(world, both[one], opens[one], told[one]).flatMap((between) => [
        ...meet(between, both[other], opens[other], told[other]),
        ...meet(between, both[other], opens[other], told[other], world),
      ])
    }
    const possible = model.worlds.flatMap((world) => [...inOrder(world, [0, 1]), ...inOrder(world, [1, 0])])
    if (possible.length === 0)
      throw new Error(
        `no order has this: ${JSON.stringify({ first, second, told, worlds: model.worlds }, plain)}`,
      )
    model.worlds = distinct(possible)
  }

  toString = () => `together ${JSON.stringify(this.operations)}`
}

class Lag implements fc.AsyncCommand<Model, Real> {
  readonly writes: number

  constructor(writes: number) {
    this.writes = writes
  }

  check = () => true

  run = () => replica.lag(this.writes)

  toString = () => `lag ${this.writes}`
}

/** The worlds that an answer leaves of one. */
function after(
  world: World,
  operation: Operation,
  opens: number,
  told: Told,
  faulty: boolean,
): readonly World[] {
  const made = step(world, operation, opens)
  if (told.answer !== null)
    return [...(made.answer === told.answer ? [made.after] : []), ...staleOf(made, told)]
  if (!faulty) return []
  return told.done ? made.unanswered : [world, ...made.unanswered]
}

/**
 * The same where another request runs meanwhile: it may end a session between the check of a token and the rest of the
 * call, so a refusal may have another reason, and a change may be done and end before its caller has new tokens.
 */
function meet(
  world: World,
  operation: Operation,
  opens: number,
  told: Told,
  earlier = world,
): readonly World[] {
  const made = step(world, operation, opens, earlier)
  if (told.done) return made.unanswered
  if (told.answer === null) return []
  const refused = (answer: string) => !answer.startsWith('ok')
  const fits = refused(told.answer) ? refused(made.answer) : made.answer === told.answer
  return [...(fits ? [made.after] : []), ...staleOf(made, told)]
}

function staleOf({ stale = [] }: Step, { answer }: Told): readonly World[] {
  return answer === 'ok' ? stale : []
}

/** Numbers of sessions as drawn become those of sessions that are held. */
function present(operation: Operation, { held }: Real): Operation {
  if (!('session' in operation)) return operation
  const numbers = [...held.keys()]
  return { ...operation, session: numbers[operation.session % Math.max(1, numbers.length)] ?? -1 }
}

function keep({ tokens }: Told, operation: Operation, opens: number, { held }: Real): void {
  if (tokens === null) return
  held.set('session' in operation ? operation.session : opens, tokens)
}

async function ask(operation: Operation, real: Real, fault: Fault | null): Promise<Told> {
  const send = await requestOf(operation, real)
  const isolate = { fetch: real.fetch, cron: () => healthyCron() }
  const answer = fault === null ? await send(isolate) : (await runIsolate(send, fault, settings)).answer
  if (answer === null) return { answer: null, done: false, tokens: null }
  const body = answer.status === 204 ? {} : ((await answer.json()) as Partial<Problem & Tokens & User>)
  if (answer.status === 503) {
    return { answer: null, done: body.changed === true || body.registered === true, tokens: null }
  }
  if (!answer.ok) return { answer: body.code ?? String(answer.status), done: false, tokens: null }
  const { access_token, refresh_token } = body
  const tokens = access_token && refresh_token ? { access_token, refresh_token } : null
  return { answer: operation.kind === 'see' ? `ok ${body.roles?.join()}` : 'ok', done: false, tokens }
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
  return [...new Map(worlds.map((world) => [JSON.stringify(world, plain), world])).values()]
}

function plain(_name: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value
}

const password = fc.constantFrom(...PASSWORDS)
const session = fc.nat(3)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), password }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('log in' as const), password }) },
  fc.record({ kind: fc.constant('refresh' as const), session }),
  fc.record({ kind: fc.constant('see' as const), session }),
  fc.record({ kind: fc.constant('change password' as const), session, password, to: password }),
  fc.record({ kind: fc.constant('leave' as const), session, password }),
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
          fc.tuple(operation, fc.option(fault, { freq: 2 })).map(([what, how]) => new Ask(what, how)),
          operation.map((what) => new Ask(what, null)),
          fc.tuple(operation, operation).map((both) => new AskTogether(both)),
          fc.nat(6).map((writes) => new Lag(writes)),
        ],
        { maxCommands: 8 },
      )
      const property = fc.asyncProperty(fc.nat(6), commands, async (lag, asked) => {
        // What the spies remember of each call would fill the memory over thousands of stories.
        vi.clearAllMocks()
        await replica.lag(lag)
        const real = { name: newName(), address: newAddress(), fetch: workerWith(settings), held: new Map() }
        const model: Model = { worlds: [EMPTY], opened: 0 }
        await new Ask(begin, null).run(model, real)
        await fc.asyncModelRun(() => ({ model, real }), asked)
      })
      await fc.assert(property, DRAWN)
    },
    TIMEOUT_MS,
  )
})

/** Use cases without HTTP: real D1, counters and account objects in memory, and a record of their round trips. */
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, vi } from 'vitest'
import { type Account, NO_PROFILE_FIELDS } from '../../src/accounts/account.ts'
import { AccountRepository } from '../../src/accounts/account-repository.ts'
import type {
  AccountActor,
  Actor,
  LimitReport,
  RequestContext,
  RequestLogFields,
} from '../../src/actions/request-context.ts'
import { BY_PASSWORD, openSession } from '../../src/actions/session/open-session.ts'
import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'
import { newId } from '../../src/crypto/ids.ts'
import { ServiceError } from '../../src/errors/service-error.ts'
import type { AttemptCounterRpc, ReserveRequest } from '../../src/limits/counter-rpc.ts'
import { parseRequesterAddress } from '../../src/limits/requester-address.ts'
import { RULES, type RuleName } from '../../src/limits/rules.ts'
import { CURRENT_ITERATIONS, CURRENT_ROUNDS, hashPassword } from '../../src/passwords/pbkdf2.ts'
import { createServices, type Services } from '../../src/services.ts'
import { toState } from '../../src/sessions/session.ts'
import { newAddress, newName, PASSWORD } from './client.ts'
import { freeze, thaw } from './clock.ts'
import { useFastPasswords } from './faults.ts'
import { intercept, interceptObject, type RoundTrip } from './intercept.ts'
import { captureLog } from './log.ts'
import { MemoryAccount } from './memory-account.ts'
import { MemoryCounter } from './memory-counter.ts'

type Work = () => unknown

interface Interruption {
  readonly when: 'before' | 'after'
  readonly trip: string
  readonly work: Work
}

/** The context of one request, and what the use case did with it. */
export interface TestRequest<A extends Actor = Actor> {
  readonly ctx: RequestContext<A>
  /** The limits that were reported, in order. */
  readonly reports: readonly LimitReport[]
  /** The fields of the request's log line. */
  readonly fields: () => RequestLogFields
  /** Waits for the work that continues after the response. */
  readonly finish: () => Promise<void>
}

const deployments: Deployment[] = []

/** For each test: a frozen clock, a captured log and fast passwords. At its end, all work of its requests must end. */
export function setUpUseCases(): void {
  captureLog()
  beforeEach(() => {
    freeze()
    useFastPasswords()
  })
  afterEach(async () => {
    for (const deployment of deployments.splice(0)) await deployment.finish()
    thaw()
  })
}

/**
 * The services of one isolate. Names of round trips: `reserve@address`, `reserve@identifier` (followed by `solved`, `nonce`),
 * `settle@…` (followed by the outcome), `peek@…`; the methods of an account's object; NAMES_IN_D1.
 */
export class Deployment {
  readonly services: Services
  /** The names of the round trips, in the order in which they began. */
  readonly trips: string[] = []
  readonly #counters = new Map<string, MemoryCounter>()
  readonly #accounts = new Map<string, MemoryAccount>()
  readonly #requests: TestRequest[] = []
  #interruptions: readonly Interruption[] = []

  constructor(settings: Settings, db: D1Database) {
    const { DB } = intercept((trip, happen) => this.#perform(nameOf(trip), happen), db)
    const read = readConfig({ ...env, ...settings })
    if (!read.ok) throw new Error(JSON.stringify(read.problems))
    this.services = {
      ...createServices({ ...env, DB }, read.config),
      counter: (name) => this.#counter(name),
      accountObject: (id) =>
        interceptObject((trip, happen) => this.#perform(trip.name, happen), 'ACCOUNT', this.objectOf(id)),
    }
    deployments.push(this)
  }

  /** An anonymous request. */
  request(address?: string): TestRequest {
    return this.requestBy({ kind: 'anonymous' }, address)
  }

  requestBy<A extends Actor>(actor: A, address = newAddress()): TestRequest<A> {
    const background: Promise<unknown>[] = []
    const reports: LimitReport[] = []
    let fields: RequestLogFields = {}
    const ctx: RequestContext<A> = {
      services: this.services,
      nowMs: Date.now(),
      requestId: 'the-request',
      requester: {
        address: parseRequesterAddress(address, undefined, 64),
        userAgent: null,
        location: { country: null, city: null },
      },
      actor,
      waitUntil: (work) => void background.push(work),
      reportLimit: (report) => void reports.push(report),
      addToRequestLog: (added) => {
        fields = { ...fields, ...added }
      },
    }
    const finish = async () => {
      // Work may begin further work.
      for (const work of background) await work
    }
    const request = { ctx, reports, fields: () => fields, finish }
    this.#requests.push(request)
    return request
  }

  async finish(): Promise<void> {
    for (const request of this.#requests) await request.finish()
  }

  /** Work just before each round trip of this name. If it throws, the round trip fails and does not happen. */
  before(trip: string, work: Work): void {
    this.#interruptions = [...this.#interruptions, { when: 'before', trip, work }]
  }

  /** Work just after each round trip of this name. If it throws, the result is lost. */
  after(trip: string, work: Work): void {
    this.#interruptions = [...this.#interruptions, { when: 'after', trip, work }]
  }

  mend(): void {
    this.#interruptions = []
  }

  /** Performs work. @returns the round trips that began until it was settled */
  async tripsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
    this.trips.length = 0
    await Promise.allSettled([work()])
    return [...this.trips]
  }

  /** The counter of the requester's address, without a recorded round trip. */
  async counterOf({ requester, services, ...ctx }: RequestContext): Promise<MemoryCounter> {
    return this.#memoryOf(await services.counterKeys.ofRequester(requester.address?.counted ?? '', ctx))
  }

  /** The counter of an identifier, without a recorded round trip. */
  async counterOfIdentifier(ctx: RequestContext, kind: string, compared: string): Promise<MemoryCounter> {
    return this.#memoryOf(await this.services.counterKeys.ofIdentifier(kind, compared, ctx))
  }

  /** An account's object, without a recorded round trip. */
  objectOf(accountId: string): MemoryAccount {
    const object = this.#accounts.get(accountId) ?? new MemoryAccount(Date.now)
    this.#accounts.set(accountId, object)
    return object
  }

  /** All counters restart without what they held. */
  loseCounters(): void {
    this.#counters.clear()
  }

  /** Opens a session of the account. @returns the actor of its requests */
  async actorOf(account: Account): Promise<AccountActor> {
    const session = { scope: null, transport: 'body' } as const
    const opening = { activity: 'login', authentication: BY_PASSWORD, readFrom: 'primary' } as const
    const opened = await openSession(this.request().ctx, session, toState(account), opening)
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    return { kind: 'account', ...opened.activeSession }
  }

  async #perform<T>(trip: string, happen: () => Promise<T>): Promise<T> {
    this.trips.push(trip)
    await this.#interrupt('before', trip)
    const result = await happen()
    await this.#interrupt('after', trip)
    return result
  }

  async #interrupt(when: Interruption['when'], trip: string): Promise<void> {
    const here = this.#interruptions.filter((each) => each.when === when && trip.startsWith(each.trip))
    for (const { work } of here) await work()
  }

  #memoryOf(name: string): MemoryCounter {
    const memory = this.#counters.get(name) ?? new MemoryCounter(Date.now)
    this.#counters.set(name, memory)
    return memory
  }

  #counter(name: string): AttemptCounterRpc {
    const memory = this.#memoryOf(name)
    return {
      reserve: (request) => this.#perform(nameOfReservation(request), () => memory.reserve(request)),
      settle: (request) =>
        this.#perform(`settle@${placeOf(request.rule.name)} ${request.outcome.kind}`, () =>
          memory.settle(request),
        ),
      peek: (rule) => this.#perform(`peek@${placeOf(rule.name)}`, () => memory.peek(rule)),
    }
  }
}

/** A deployment whose isolate has read the settings and the signing keys. */
export async function deploy(settings: Settings = {}, db = env.DB): Promise<Deployment> {
  const deployment = new Deployment(settings, db)
  const { ctx, finish } = deployment.request()
  await deployment.services.settings.current(ctx)
  await deployment.services.signingKeys.signing(ctx)
  await finish()
  deployment.trips.length = 0
  return deployment
}

/** Stores an account with PASSWORD, as no use case does. */
export async function storeAccount(changes: Partial<Account> = {}): Promise<Account> {
  const nowMs = Date.now()
  const name = newName()
  const account: Account = {
    id: newId(nowMs),
    username: name,
    usernameKey: name,
    email: null,
    emailVerified: false,
    phone: null,
    phoneVerified: false,
    ...NO_PROFILE_FIELDS,
    passwordHash: await hashPassword(PASSWORD, null),
    disabled: false,
    roles: [],
    scopes: [],
    claims: {},
    credentialVersion: nowMs,
    sessionsNotBefore: nowMs,
    survivingSession: null,
    changeId: crypto.randomUUID(),
    createdAt: nowMs / 1000,
    updatedAt: nowMs / 1000,
    ...changes,
  }
  await new AccountRepository(env.DB).insert(account)
  return account
}

/** The account as the primary has it; null if it does not exist. */
export async function storedAccount({ id }: Pick<Account, 'id'>): Promise<Account | null> {
  return (await new AccountRepository(env.DB).find(id, 'primary')).account
}

/** @returns the error of work that must fail with a ServiceError */
export async function refusalOf(work: Promise<unknown>): Promise<ServiceError> {
  const [result] = await Promise.allSettled([work])
  if (result?.status === 'rejected' && result.reason instanceof ServiceError) return result.reason
  throw new Error('not refused', { cause: result })
}

/** A round trip that fails. */
export function unavailable(): never {
  throw new Error('unavailable')
}

/** @returns work that does something the first time only */
export function once(work: Work): Work {
  let done = false
  return () => {
    if (done) return undefined
    done = true
    return work()
  }
}

/** @returns how many times the work of a current password hash was done until `work` was settled */
export async function derivationsOf(work: () => Promise<unknown>): Promise<number> {
  const { mock } = vi.mocked(crypto.subtle.deriveBits)
  const before = mock.calls.length
  await Promise.allSettled([work()])
  const iterations = mock.calls.slice(before).map(([algorithm]) => iterationsOf(algorithm))
  const passwords = iterations.filter((each) => each === CURRENT_ITERATIONS)
  return passwords.length / CURRENT_ROUNDS
}

function iterationsOf(algorithm: unknown): unknown {
  return typeof algorithm === 'object' && algorithm !== null && 'iterations' in algorithm
    ? algorithm.iterations
    : null
}

/** Round trips to D1 by a statement that they have. `find/…` also says where it reads; all others are `read` or `write`. */
const NAMES_IN_D1: readonly (readonly [RegExp, string])[] = [
  [/^INSERT INTO accounts/, 'insert'],
  [/^UPDATE OR IGNORE accounts/, 'replace'],
  [/^DELETE FROM accounts/, 'remove'],
  [/^UPDATE accounts SET password_hash/, 'rehash'],
  [/^SELECT \* FROM accounts WHERE id IN/, 'find all'],
  [/^SELECT \* FROM accounts/, 'find'],
  [/^UPDATE outbox/, 'claim'],
  [/^DELETE FROM outbox/, 'clear outbox'],
]

function nameOf({ name, sql, session }: RoundTrip): string {
  const [, known] = NAMES_IN_D1.find(([pattern]) => sql.some((each) => pattern.test(each.trim()))) ?? []
  if (known === 'find') return session === 'first-primary' ? 'find/primary' : 'find/replica'
  return known ?? (name === 'read' ? 'read' : 'write')
}

const placeOf = (rule: RuleName) => RULES[rule].keyedBy

function nameOfReservation({ rule, solved }: ReserveRequest): string {
  const place = rule === null ? 'address' : placeOf(rule.name)
  const parts = [rule !== null && solved !== null ? 'solved' : [], solved?.nonce ? 'nonce' : []].flat()
  return [`reserve@${place}`, ...parts].join(' ')
}

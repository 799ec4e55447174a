/** Bindings that pass each round trip to a test. They wrap real D1 and objects. */
import { env } from 'cloudflare:workers'
import type { Env } from '../../src/config/env.ts'

export type Bindings = Pick<Env, 'DB' | 'ACCOUNT' | 'COUNTER'>

export interface RoundTrip {
  readonly binding: keyof Bindings
  /** The method: `batch`, `run`, `open`, `reserve`...; `read` for a batch that only reads. */
  readonly name: string
  /** The statements of a round trip to D1. */
  readonly sql: readonly string[]
  /** Where the D1 session of the round trip begins to read; null outside a session. */
  readonly session: string | null
}

/** Performs a round trip, or replaces it. */
export type Interceptor = (trip: RoundTrip, work: () => Promise<unknown>) => Promise<unknown>

/** The methods of D1 that make a round trip. A batch is one. */
const ROUND_TRIPS = ['run', 'first', 'all', 'raw', 'batch']

/** @param db the database to wrap, if it is not the one of the tests */
export function intercept(through: Interceptor, db = env.DB): Bindings {
  const wrapNamespace = <T extends Env['ACCOUNT'] | Env['COUNTER']>(
    binding: 'ACCOUNT' | 'COUNTER',
    namespace: T,
  ): T =>
    new Proxy(namespace, {
      get: (of, name) =>
        name === 'getByName'
          ? (id: string) => interceptObject(through, binding, of.getByName(id))
          : Reflect.get(of, name),
    })

  return {
    DB: interceptDatabase(through, db),
    ACCOUNT: wrapNamespace('ACCOUNT', env.ACCOUNT),
    COUNTER: wrapNamespace('COUNTER', env.COUNTER),
  }
}

/** Passes each round trip to a database. */
export function interceptDatabase(through: Interceptor, db: D1Database): D1Database {
  const wrapStatements = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, name) {
        const member: unknown = Reflect.get(of, name)
        if (typeof member !== 'function' || typeof name !== 'string') return member
        return (...values: unknown[]) => {
          const originalValues = values.map(unwrap)
          const invoke = () => Reflect.apply(member, of, originalValues)
          if (ROUND_TRIPS.includes(name)) return through(tripToD1(of, name, originalValues), invoke)
          const result: unknown = invoke()
          if (typeof result !== 'object' || result === null) return result
          origins.set(result, nextOrigin(of, name, values))
          return remember(wrapStatements(result), result)
        }
      },
    })

  return wrapStatements(db)
}

/** Passes each call of an object's methods to a test. */
export function interceptObject<T extends object>(
  through: Interceptor,
  binding: 'ACCOUNT' | 'COUNTER',
  stub: T,
): T {
  return new Proxy(stub, {
    get(of, name) {
      const member: unknown = Reflect.get(of, name)
      if (typeof member !== 'function' || typeof name !== 'string') return member
      const trip = { binding, name, sql: [], session: null }
      return (...values: unknown[]) => through(trip, () => Reflect.apply(member, of, values))
    },
  })
}

/** What a statement or a D1 session was made from. */
interface Origin {
  readonly sql: string | null
  readonly session: string | null
}

const origins = new WeakMap<object, Origin>()

function originOf(made: unknown): Origin {
  const origin = typeof made === 'object' && made !== null ? origins.get(made) : undefined
  return origin ?? { sql: null, session: null }
}

function nextOrigin(of: object, method: string, [first]: readonly unknown[]): Origin {
  const origin = originOf(of)
  if (method === 'prepare') return { ...origin, sql: String(first) }
  return method === 'withSession' ? { ...origin, session: String(first) } : origin
}

function tripToD1(of: object, method: string, [first]: readonly unknown[]): RoundTrip {
  const statements = method === 'batch' && Array.isArray(first) ? first : [of]
  const sql = statements.flatMap((each) => originOf(each).sql ?? [])
  const isRead = method === 'batch' && sql.every((each) => /^\s*SELECT/i.test(each))
  return { binding: 'DB', name: isRead ? 'read' : method, sql, session: originOf(of).session }
}

/** The original of each wrapper. D1 accepts only its own statements, so a batch receives the originals. */
const originals = new WeakMap<object, object>()

function remember<T extends object>(wrapper: T, original: object): T {
  originals.set(wrapper, original)
  return wrapper
}

function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrap)
  return typeof value === 'object' && value !== null ? (originals.get(value) ?? value) : value
}

/** Bindings that pass each round trip to a test. They wrap real D1 and objects. */
import { env } from 'cloudflare:workers'
import type { Env } from '../../src/config/env.ts'

export type Bindings = Pick<Env, 'DB' | 'ACCOUNT' | 'COUNTER'>

export interface RoundTrip {
  readonly binding: keyof Bindings
  /** The method: `batch`, `run`, `open`, `reserve`...; `read` for a batch that only reads. */
  readonly name: string
}

/** Performs a round trip, or replaces it. */
export type Interceptor = (trip: RoundTrip, work: () => Promise<unknown>) => Promise<unknown>

/** The methods of D1 that make a round trip. A batch is one. */
const ROUND_TRIPS = ['run', 'first', 'all', 'raw', 'batch']

/** @param db the database to wrap, if it is not the one of the tests */
export function intercept(through: Interceptor, db = env.DB): Bindings {
  const wrapStatements = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, name) {
        const member: unknown = Reflect.get(of, name)
        if (typeof member !== 'function' || typeof name !== 'string') return member
        return (...values: unknown[]) => {
          const originalValues = values.map(unwrap)
          const invoke = () => Reflect.apply(member, of, originalValues)
          if (ROUND_TRIPS.includes(name))
            return through({ binding: 'DB', name: isRead(name, originalValues) ? 'read' : name }, invoke)
          const result: unknown = invoke()
          if (typeof result !== 'object' || result === null) return result
          if (reads.has(of) || (name === 'prepare' && /^\s*SELECT/i.test(String(values[0]))))
            reads.add(result)
          return remember(wrapStatements(result), result)
        }
      },
    })

  const wrapNamespace = <T extends Env['ACCOUNT'] | Env['COUNTER']>(
    binding: 'ACCOUNT' | 'COUNTER',
    namespace: T,
  ): T =>
    new Proxy(namespace, {
      get: (of, name) =>
        name === 'getByName' ? (id: string) => wrapObject(binding, of.getByName(id)) : Reflect.get(of, name),
    })

  const wrapObject = <T extends object>(binding: 'ACCOUNT' | 'COUNTER', stub: T): T =>
    new Proxy(stub, {
      get(of, name) {
        const member: unknown = Reflect.get(of, name)
        if (typeof member !== 'function' || typeof name !== 'string') return member
        return (...values: unknown[]) => through({ binding, name }, () => Reflect.apply(member, of, values))
      },
    })

  return {
    DB: wrapStatements(db),
    ACCOUNT: wrapNamespace('ACCOUNT', env.ACCOUNT),
    COUNTER: wrapNamespace('COUNTER', env.COUNTER),
  }
}

/** The statements that only read. */
const reads = new WeakSet<object>()

function isRead(method: string, [statements]: readonly unknown[]): boolean {
  return method === 'batch' && Array.isArray(statements) && statements.every((each) => reads.has(each))
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

/** Bindings that count what is asked of them, and fail where a test says so. Real D1 and objects are behind them. */
import { env } from 'cloudflare:workers'
import type { Env } from '../../src/config/env.ts'

export interface Counts {
  /** Round trips to D1: a batch is one. */
  d1: number
  /** Calls of objects. */
  rpc: number
}

/** What to do around a call: throw before it happens, or after it happened, as when an answer is lost or late. */
export interface Fault {
  readonly before?: boolean
  readonly after?: boolean
  /** Keeps the answer back until then. */
  readonly until?: Promise<unknown>
}

export interface Watched {
  readonly bindings: Pick<Env, 'DB' | 'ACCOUNT' | 'COUNTER'>
  readonly counts: Counts
  reset(): void
  /** Each call of this name fails from now on. */
  fail(name: string, fault: Fault): void
  mend(): void
}

const ROUND_TRIPS = ['run', 'first', 'all', 'raw', 'batch']

export function watch(): Watched {
  const counts: Counts = { d1: 0, rpc: 0 }
  const faults = new Map<string, Fault>()

  const through = async (kind: keyof Counts, name: string, work: () => Promise<unknown>) => {
    counts[kind] += 1
    if (faults.get(name)?.before) throw new Error(`${name}: out of reach`)
    const result = await work()
    await faults.get(name)?.until
    if (faults.get(name)?.after) throw new Error(`${name}: answer lost`)
    return result
  }

  const wrapStatements = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, name) {
        const member: unknown = Reflect.get(of, name)
        if (typeof member !== 'function' || typeof name !== 'string') return member
        return (...values: unknown[]) => {
          const invoke = () => Reflect.apply(member, of, values.map(unwrap))
          if (ROUND_TRIPS.includes(name)) return through('d1', name, invoke)
          const result: unknown = invoke()
          return typeof result === 'object' && result !== null
            ? remember(wrapStatements(result), result)
            : result
        }
      },
    })

  const wrapObject = <T extends object>(stub: T): T =>
    new Proxy(stub, {
      get(of, name) {
        const member: unknown = Reflect.get(of, name)
        if (typeof member !== 'function' || typeof name !== 'string') return member
        return (...values: unknown[]) => through('rpc', name, () => Reflect.apply(member, of, values))
      },
    })

  const wrapNamespace = <T extends Env['ACCOUNT'] | Env['COUNTER']>(namespace: T): T =>
    new Proxy(namespace, {
      get: (of, name) =>
        name === 'getByName' ? (id: string) => wrapObject(of.getByName(id)) : Reflect.get(of, name),
    })

  return {
    bindings: {
      DB: wrapStatements(env.DB),
      ACCOUNT: wrapNamespace(env.ACCOUNT),
      COUNTER: wrapNamespace(env.COUNTER),
    },
    counts,
    reset: () => Object.assign(counts, { d1: 0, rpc: 0 }),
    fail: (name, fault) => faults.set(name, fault),
    mend: () => faults.clear(),
  }
}

/** D1 takes its own statements only, so a batch is given what is behind the wrappers. */
const behind = new WeakMap<object, object>()

function remember<T extends object>(wrapper: T, original: object): T {
  behind.set(wrapper, original)
  return wrapper
}

function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrap)
  return typeof value === 'object' && value !== null ? (behind.get(value) ?? value) : value
}

/**
 * D1 with a read replica that lags by a chosen number of writes: a second real D1, which repeats each write of the
 * primary once that many more have followed. A D1 session reads from the replica unless it begins at the primary.
 */
import { env } from 'cloudflare:workers'
import { insertRow } from './database.ts'

type Write = () => Promise<unknown>

interface Prepared {
  readonly statement: D1PreparedStatement
  readonly sql: string
  readonly values: readonly unknown[]
}

export class LaggingReplica {
  /** The binding for the Worker: the primary with its replica. */
  readonly db: D1Database
  #lag: number
  readonly #behind: Write[] = []
  readonly #prepared = new WeakMap<object, Prepared>()

  /** @param lag the number of writes that the replica is behind. It must begin as a copy of the primary. */
  constructor(lag: number) {
    this.#lag = lag
    this.db = this.#primary()
  }

  /** Copies the present content of the primary. */
  static async copy(lag = Number.POSITIVE_INFINITY): Promise<LaggingReplica> {
    const tables = ['accounts', 'outbox']
    const copies = await Promise.all(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`).run()))
    await env.REPLICA.batch([
      ...tables.map((table) => env.REPLICA.prepare(`DELETE FROM ${table}`)),
      ...tables.flatMap((table, index) =>
        (copies[index]?.results ?? []).map((row) => insertRow(env.REPLICA, table, row)),
      ),
    ])
    return new LaggingReplica(lag)
  }

  /** Sets how many writes the replica is behind from now on. */
  async lag(writes: number): Promise<void> {
    this.#lag = writes
    await this.#catchUp()
  }

  async #catchUp(): Promise<void> {
    while (this.#behind.length > this.#lag) await this.#behind.shift()?.()
  }

  async #write(work: () => Promise<unknown>, repeat: Write): Promise<unknown> {
    const result = await work()
    this.#behind.push(repeat)
    await this.#catchUp()
    return result
  }

  #primary(): D1Database {
    return new Proxy(env.DB, {
      get: (db, name) => {
        if (name === 'prepare')
          return (sql: string) => this.#statement({ statement: db.prepare(sql), sql, values: [] })
        if (name === 'batch') return (statements: D1PreparedStatement[]) => this.#batch(statements)
        if (name === 'withSession')
          return (from: string) => (from === 'first-primary' ? this.db : this.#replica())
        const member: unknown = Reflect.get(db, name)
        return typeof member === 'function' ? member.bind(db) : member
      },
    })
  }

  /** A statement runs on the primary. If it writes, it runs on the replica once the lag has passed. */
  #statement(prepared: Prepared): D1PreparedStatement {
    const wrapped = new Proxy(prepared.statement, {
      get: (of, name) => {
        if (name === 'bind')
          return (...values: unknown[]) =>
            this.#statement({ ...prepared, statement: of.bind(...values), values })
        const member: unknown = Reflect.get(of, name)
        if (typeof member !== 'function') return member
        const ask = (...values: unknown[]) => Reflect.apply(member, of, values)
        return writes(prepared) ? () => this.#write(ask, () => onReplica(prepared).run()) : ask
      },
    })
    this.#prepared.set(wrapped, prepared)
    return wrapped
  }

  #batch(statements: readonly D1PreparedStatement[]): Promise<unknown> {
    const known = statements.flatMap((each) => this.#prepared.get(each) ?? [])
    const ask = () => env.DB.batch(known.map(({ statement }) => statement))
    return known.some(writes) ? this.#write(ask, () => env.REPLICA.batch(known.map(onReplica))) : ask()
  }

  #replica(): unknown {
    const asReplica = (statement: D1PreparedStatement): unknown => ({
      bind: (...values: unknown[]) => asReplica(statement.bind(...values)),
      run: async () => {
        const result = await statement.run()
        return { ...result, meta: { ...result.meta, served_by_primary: false } }
      },
    })
    return { prepare: (sql: string) => asReplica(env.REPLICA.prepare(sql)) }
  }
}

function writes({ sql }: Prepared): boolean {
  return !/^\s*SELECT/i.test(sql)
}

function onReplica({ sql, values }: Prepared): D1PreparedStatement {
  return env.REPLICA.prepare(sql).bind(...values)
}

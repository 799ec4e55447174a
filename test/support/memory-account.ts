/** An account's object in memory: the same rules over a map, with a clock of its own. For tests of actions. */
import {
  AccountRecord,
  removeEvents,
  type StoredRows,
  type Transition,
} from '../../src/sessions/account-record.ts'
import * as reducer from '../../src/sessions/account-reducer.ts'
import type { AccountRpc } from '../../src/sessions/account-rpc.ts'

type Request<Name extends keyof AccountRpc> = Parameters<AccountRpc[Name]>[0]

export class MemoryAccount implements AccountRpc {
  readonly #rows = new Map<string, unknown>()
  readonly #clock: () => number
  /** How many rows have been stored or deleted. */
  writes = 0

  /** @param clock unix milliseconds */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  async open(request: Request<'open'>) {
    return this.#store(reducer.open(this.#record(), request, this.#clock()))
  }

  async openFamily(request: Request<'openFamily'>) {
    return this.#store(reducer.openFamily(this.#record(), request, this.#clock()))
  }

  async rotate(request: Request<'rotate'>) {
    return this.#store(reducer.rotate(this.#record(), request, this.#clock()))
  }

  async check(request: Request<'check'>) {
    return reducer.check(this.#record(), request, this.#clock())
  }

  async list(request: Request<'list'>) {
    return reducer.list(this.#record(), request, this.#clock())
  }

  async end(request: Request<'end'>) {
    return this.#store(reducer.end(this.#record(), request, this.#clock()))
  }

  async endBySecret(request: Request<'endBySecret'>) {
    return this.#store(reducer.endBySecret(this.#record(), request, this.#clock()))
  }

  async endAll(request: Request<'endAll'>) {
    return this.#store(reducer.endAll(this.#record(), request, this.#clock()))
  }

  async applyState(request: Request<'applyState'>) {
    return this.#store(reducer.applyState(this.#record(), request, this.#clock()))
  }

  async settleEvents(ids: Request<'settleEvents'>) {
    return this.#store(removeEvents(this.#record(), ids))
  }

  #record(): AccountRecord {
    return new AccountRecord(rowsOf(this.#rows))
  }

  #store<Result>({ result, writes }: Transition<Result>): Result {
    for (const [key, row] of writes) {
      this.writes += 1
      if (row === null) this.#rows.delete(key)
      else this.#rows.set(key, row)
    }
    return result
  }
}

/** Each read returns a copy, as from a storage. */
function rowsOf(rows: ReadonlyMap<string, unknown>): StoredRows {
  return {
    get: <T>(key: string) => structuredClone(rows.get(key)) as T | undefined,
    list: <T>({ prefix }: { readonly prefix: string }) =>
      [...rows].flatMap(([key, row]): [string, T][] =>
        key.startsWith(prefix) ? [[key, structuredClone(row) as T]] : [],
      ),
  }
}

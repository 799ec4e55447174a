/**
 * One Durable Object per account, named by the account's id. It stores the account's sessions, its recent activity and its whole
 * AccountState, which includes the profile that tokens and `GET /auth/me` need. Storage is read and written synchronously, so RPCs never
 * interleave and each RPC is one transaction. It never derives a password hash, because that would block all other RPCs of the
 * account.
 */
import { DurableObject } from 'cloudflare:workers'
import { deliverEvents } from '../outbox/events.ts'
import { AccountRecord, removeEvents, type Transition } from './account-record.ts'
import * as reducer from './account-reducer.ts'
import type { AccountRpc } from './account-rpc.ts'

type Request<Name extends keyof AccountRpc> = Parameters<AccountRpc[Name]>[0]

export class AccountObject extends DurableObject implements AccountRpc {
  async open(request: Request<'open'>) {
    return this.#store(reducer.open(this.#record(), request, Date.now()))
  }

  async openFamily(request: Request<'openFamily'>) {
    return this.#store(reducer.openFamily(this.#record(), request, Date.now()))
  }

  async rotate(request: Request<'rotate'>) {
    return this.#store(reducer.rotate(this.#record(), request, Date.now()))
  }

  async check(request: Request<'check'>) {
    return reducer.check(this.#record(), request, Date.now())
  }

  async list(request: Request<'list'>) {
    return reducer.list(this.#record(), request, Date.now())
  }

  async end(request: Request<'end'>) {
    return this.#store(reducer.end(this.#record(), request, Date.now()))
  }

  async endBySecret(request: Request<'endBySecret'>) {
    return this.#store(reducer.endBySecret(this.#record(), request, Date.now()))
  }

  async endAll(request: Request<'endAll'>) {
    return this.#store(reducer.endAll(this.#record(), request, Date.now()))
  }

  async applyState(request: Request<'applyState'>) {
    return this.#store(reducer.applyState(this.#record(), request, Date.now()))
  }

  async settleEvents(ids: Request<'settleEvents'>) {
    return this.#store(removeEvents(this.#record(), ids))
  }

  /** Deletes what has expired; everything when nothing remains. Delivers the events that are due. */
  override async alarm(): Promise<void> {
    const transition = reducer.wake(this.#record(), Date.now())
    if (transition === null) return this.ctx.storage.deleteAll()
    const delivered = await deliverEvents(this.#store(transition))
    this.#store(removeEvents(this.#record(), delivered))
  }

  #record(): AccountRecord {
    return new AccountRecord(this.ctx.storage.kv)
  }

  #store<Result>({ result, writes, alarmAt }: Transition<Result>): Result {
    for (const [key, row] of writes) {
      if (row === null) this.ctx.storage.kv.delete(key)
      else this.ctx.storage.kv.put(key, row)
    }
    if (alarmAt !== undefined) this.ctx.storage.setAlarm(alarmAt)
    return result
  }
}

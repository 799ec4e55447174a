/** The environment of the Worker, unchecked: wrangler.toml's bindings and variables, and the secrets. */
import type { AttemptCounter } from '../limits/attempt-counter.ts'
import type { AccountRpc } from '../sessions/account-rpc.ts'
import type { Settings } from './settings.ts'

export interface Env extends Settings {
  /** D1: accounts, signing keys, clients and the settings that an operator changed at run time. */
  readonly DB: D1Database
  /** One Durable Object per account, with its sessions. */
  readonly ACCOUNT: ObjectNamespace<AccountRpc>
  /** One Durable Object per requester address and per identifier, which counts its attempts. */
  readonly COUNTER: DurableObjectNamespace<AttemptCounter>
}

/**
 * The objects of a class, typed by the interface that Workers call: the platform's own type of a stub cannot express the claims of a
 * profile, which are any JSON.
 */
export interface ObjectNamespace<Rpc> {
  getByName(name: string): DurableObjectStub & Rpc
}

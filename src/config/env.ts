/** The environment of the Worker, unchecked: wrangler.toml's bindings and variables, and the secrets. */
import type { AttemptCounter } from '../limits/attempt-counter.ts'
import type { AccountObject } from '../sessions/account-object.ts'
import type { Settings } from './settings.ts'

export interface Env extends Settings {
  /** D1: accounts, signing keys, clients and the settings that an operator changed at run time. */
  readonly DB: D1Database
  /** One Durable Object per account, with its sessions. */
  readonly ACCOUNT: DurableObjectNamespace<AccountObject>
  /** One Durable Object per requester address and per identifier, which counts its attempts. */
  readonly COUNTER: DurableObjectNamespace<AttemptCounter>
}

/** What the runtime gives the Worker, unchecked: wrangler.toml's bindings and variables, and the secrets. */
import type { AttemptCounter } from '../limits/attempt-counter.ts'
import type { AccountObject } from '../sessions/account-object.ts'
import type { Settings } from './settings.ts'

export interface Env extends Settings {
  /** D1: accounts, signing keys, what an operator changed at run time. */
  readonly DB: D1Database
  /** One Durable Object per account: its sessions. */
  readonly ACCOUNT: DurableObjectNamespace<AccountObject>
  /** One Durable Object per client address and per identifier: what counts against it. */
  readonly COUNTER: DurableObjectNamespace<AttemptCounter>
}

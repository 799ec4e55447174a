/** What the runtime gives the Worker, unchecked: wrangler.toml's bindings and variables, and the secrets. */
import type { AccountObject } from '../sessions/account-object.ts'
import type { Settings } from './settings.ts'

export interface Env extends Settings {
  /** D1: accounts, signing keys. */
  readonly DB: D1Database
  /** One Durable Object per account: its sessions. */
  readonly ACCOUNT: DurableObjectNamespace<AccountObject>
}

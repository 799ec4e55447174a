import type { Env as WorkerEnv } from '../../../src/config/env.ts'

declare global {
  namespace Cloudflare {
    /** The bindings of Gatehouse, which the peer has in part. */
    interface Env extends WorkerEnv {}
  }
}

import type { D1Migration } from '@cloudflare/vitest-plugin'
import type { Env as WorkerEnv } from '../src/config/env.ts'

declare global {
  namespace Cloudflare {
    interface Env extends WorkerEnv {
      /** schema.sql as statements. */
      readonly SCHEMA: D1Migration[]
    }
    interface GlobalProps {
      mainModule: typeof import('../src/index.ts')
    }
  }
}

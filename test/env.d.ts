import type { D1Migration } from '@cloudflare/vitest-plugin'
import type { Env as WorkerEnv } from '../src/config/env.ts'

declare global {
  interface ImportMeta {
    /** From Vite: the text of each matching file, by its path. */
    glob<T>(pattern: string, options: { query: '?raw'; import: 'default'; eager: true }): Record<string, T>
  }
  namespace Cloudflare {
    interface Env extends WorkerEnv {
      /** schema.sql as statements. */
      readonly SCHEMA: D1Migration[]
      /** How many random stories of an account are played; empty for a few with a fixed seed. */
      readonly MODEL_RUNS: string
      /** The URL of the fake challenge providers. */
      readonly FAKE_PROVIDER_URL: string
      /** The URL of an origin that responds with the bytes that it receives. */
      readonly RAW_ORIGIN_URL: string
      /** A second database, which acts as the replica. */
      readonly REPLICA: D1Database
    }
    interface GlobalProps {
      mainModule: typeof import('../src/index.ts')
    }
  }
}

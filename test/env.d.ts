import type { D1Migration } from '@cloudflare/vitest-plugin'
import type { Env as WorkerEnv } from '../src/config/env.ts'

declare global {
  interface ImportMeta {
    /** Vite's: the text of every file that matches, by its path. */
    glob<T>(pattern: string, how: { query: '?raw'; import: 'default'; eager: true }): Record<string, T>
  }
  namespace Cloudflare {
    interface Env extends WorkerEnv {
      /** schema.sql as statements. */
      readonly SCHEMA: D1Migration[]
      /** How many random stories of an account are played. */
      readonly MODEL_RUNS: string
      /** Where the stand-in of the challenge providers listens. */
      readonly STAND_IN_URL: string
      /** Where an origin listens that answers with the bytes that it got. */
      readonly RAW_ORIGIN_URL: string
      /** A second database, that plays the replica. */
      readonly REPLICA: D1Database
    }
    interface GlobalProps {
      mainModule: typeof import('../src/index.ts')
    }
  }
}

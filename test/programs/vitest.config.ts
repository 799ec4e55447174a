import { defineConfig } from 'vitest/config'

/** Starts `npm run dev` and real proxies, which take seconds. */
const TIMEOUT_MS = 120_000

export default defineConfig({
  test: { include: ['test/programs/**/*.test.ts'], testTimeout: TIMEOUT_MS, hookTimeout: TIMEOUT_MS },
})

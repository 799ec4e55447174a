import { defineConfig } from 'vitest/config'

/** Starts the real `npm run dev`, which takes seconds. */
const TIMEOUT_MS = 120_000

export default defineConfig({
  test: { include: ['test/dev/**/*.test.ts'], testTimeout: TIMEOUT_MS, hookTimeout: TIMEOUT_MS },
})

import { defineConfig } from 'vitest/config'

/** The tests start `npm run dev` and real proxies, which takes seconds. */
const TIMEOUT_MS = 120_000

export default defineConfig({
  test: {
    include: ['test/programs/**/*.test.ts'],
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
    reporters: ['minimal'],
  },
})

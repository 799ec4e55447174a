import { defineConfig } from 'vitest/config'

/** Starts the real `npm run dev` and a real browser; two at once would share two cores. */
const TIMEOUT_MS = 120_000

export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
})

import { defineConfig } from 'vitest/config'

/** For the start of `npm run dev`. */
const TIMEOUT_MS = 120_000

export default defineConfig({
  test: {
    include: ['test/{dev,docs,origins,source}/**/*.test.ts'],
    // A start waits for half of its time, and keeps a core busy for the other half.
    maxWorkers: 2,
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
    reporters: ['minimal'],
  },
})

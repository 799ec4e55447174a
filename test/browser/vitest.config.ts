import { defineConfig } from 'vitest/config'

/** For the start of `npm run dev` and of a browser. One file runs at a time, since all share the cores. */
const TIMEOUT_MS = 120_000

export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: 'test/browser/shared-stage.ts',
    fileParallelism: false,
    // Of tests that say that they may run at once: one for each core.
    maxConcurrency: 2,
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
    reporters: ['minimal'],
  },
})

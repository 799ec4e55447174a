import { defineConfig } from 'vitest/config'

/** Starts the real `npm run dev`, which takes seconds; two that start at once may meet at a socket of wrangler's own. */
const TIMEOUT_MS = 120_000

export default defineConfig({
  test: {
    include: ['test/{dev,origins,source}/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
})

import { defineConfig } from 'vitest/config'

/** For the start of `npm run dev`. One file runs at a time, since all share the cores. */
const TIMEOUT_MS = 120_000

export default defineConfig({
  test: {
    include: ['test/{dev,docs,origins,source}/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
    reporters: ['minimal'],
  },
})

import { workerTests } from '../worker-tests.ts'

/** Each of these plays through thousands of runs, and prints what it found. */
const TIMEOUT_MS = 600_000

export default workerTests({ include: ['test/faults/*.test.ts'], testTimeout: TIMEOUT_MS, maxWorkers: 2 })

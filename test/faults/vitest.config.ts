import { workerTests } from '../worker-tests.ts'

/** Each test makes thousands of runs and prints a summary. */
const TIMEOUT_MS = 600_000

export default workerTests({ include: ['test/faults/*.test.ts'], testTimeout: TIMEOUT_MS, maxWorkers: 2 })

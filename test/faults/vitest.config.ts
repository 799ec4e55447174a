import { workerTests } from '../worker-tests.ts'

/** Each of these tests makes thousands of runs. */
const TIMEOUT_MS = 600_000

export default workerTests('cheap', {
  include: ['test/faults/*.test.ts'],
  testTimeout: TIMEOUT_MS,
  silent: 'passed-only',
  reporters: ['minimal'],
})

import { workerTests } from '../worker-tests.ts'

/** Drawn anew each time. They take half an hour. */
const RUNS = 20_000

export default workerTests(
  'cheap',
  { include: ['test/faults/model.test.ts'], silent: 'passed-only', reporters: ['minimal'] },
  RUNS,
)

import { workerTests } from './worker-tests.ts'

export default workerTests({
  include: ['test/**/*.test.ts'],
  exclude: ['test/browser/**', 'test/dev/**', 'test/origins/**', 'test/faults/**', 'test/programs/**'],
  silent: 'passed-only',
  maxWorkers: 2,
})

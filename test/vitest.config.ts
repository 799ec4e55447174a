import { workerTests } from './worker-tests.ts'

export default workerTests({
  include: ['test/**/*.test.ts'],
  exclude: ['test/{browser,dev,faults,origins,programs,source}/**'],
  silent: 'passed-only',
  maxWorkers: 2,
})

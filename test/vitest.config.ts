import { defineConfig } from 'vitest/config'
import { workerTests } from './worker-tests.ts'

/** Tests that prove what a password hash or a proof of work costs. */
const FULL_COST = [
  'test/{challenge,passwords}/**/*.test.ts',
  'test/actions/login/log-in.test.ts',
  'test/flows/{budgets,login,no-password,register-passwords}.test.ts',
]

const OTHERS = ['test/**/*.test.ts']
const NOT_IN_WORKERD = ['test/{browser,dev,docs,faults,origins,programs,source}/**']

export default defineConfig({
  test: {
    projects: [
      await workerTests('cheap', {
        name: 'cheap',
        include: OTHERS,
        exclude: [...NOT_IN_WORKERD, ...FULL_COST],
        sequence: { groupOrder: 1 },
      }),
      await workerTests('full', { name: 'full cost', include: FULL_COST, sequence: { groupOrder: 2 } }),
    ],
    silent: 'passed-only',
    reporters: ['minimal'],
  },
})

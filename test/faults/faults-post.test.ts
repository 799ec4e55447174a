import { testWithOneFault } from './one-fault.ts'
import { SCENARIOS } from './scenarios.ts'

testWithOneFault(Object.keys(SCENARIOS).filter((title) => title.startsWith('POST ')))

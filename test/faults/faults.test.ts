import { describe, expect, it } from 'vitest'
import { call, ok } from '../support/client.ts'
import { testWithOneFault } from './one-fault.ts'
import { SCENARIOS } from './scenarios.ts'

describe('the table of scenarios', () => {
  it('covers every operation of the OpenAPI document with a scenario', async () => {
    const { paths } = await ok<{ paths: Record<string, object> }>(call('GET', '/openapi.json'))
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const covered = Object.keys(SCENARIOS).map((title) => title.split(' ').slice(0, 2).join(' '))
    expect(described.length).toBeGreaterThan(20)
    expect(described.filter((each) => !covered.includes(each))).toEqual([])
  })
})

/** The other half is in another file, which runs at the same time. */
testWithOneFault(Object.keys(SCENARIOS).filter((title) => !title.startsWith('POST ')))

import { describe, expect, it, vi } from 'vitest'
import { freePort } from './project.ts'

/** The last port that fetch and browsers refuse: https://fetch.spec.whatwg.org/#port-blocking */
const LAST_BLOCKED = 10_080

async function manyPorts(search: typeof freePort): Promise<readonly number[]> {
  const ports: number[] = []
  while (ports.length < 300) ports.push(await search())
  return ports
}

describe('freePort', () => {
  it('returns each port once, in whichever process, and none that fetch refuses', async () => {
    vi.resetModules()
    const inAnotherProcess = await import('./project.ts')
    const found = await Promise.all([manyPorts(freePort), manyPorts(inAnotherProcess.freePort)])
    const ports = found.flat()
    expect(new Set(ports).size).toBe(ports.length)
    expect(Math.min(...ports)).toBeGreaterThan(LAST_BLOCKED)
  })

  it('returns the first of several in a row', async () => {
    const [first, second] = [await freePort(5), await freePort(5)]
    expect(Math.abs(second - first)).toBeGreaterThanOrEqual(5)
  })
})

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Clients } from '../../src/clients/clients.ts'
import { type Watched, watch } from '../support/counting.ts'
import { newClient } from '../support/oauth.ts'

const NOW_MS = 4_000_000_000_000

let watched: Watched
let clients: Clients
let id: string
beforeEach(async () => {
  watched = watch()
  clients = new Clients(watched.bindings.DB)
  id = (await newClient()).client_id
})
afterEach(() => vi.restoreAllMocks())

describe('the clients of an isolate', () => {
  it('are read again after 25 s, by one request, while the others go on with what is known', async () => {
    await clients.find(id, NOW_MS)
    watched.reset()
    await clients.find(id, NOW_MS + 24_999)
    expect(watched.counts.d1).toBe(0)
    const all = Array.from({ length: 20 }, () => clients.find(id, NOW_MS + 25_000))
    for (const client of await Promise.all(all)) expect(client?.clientId).toBe(id)
    expect(watched.counts.d1).toBe(1)
  })

  it('are asked for every 5 s while D1 is out of reach, and go on for 10 min', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    await clients.find(id, NOW_MS)
    watched.fail('first', { before: true })
    watched.reset()
    for (let ageMs = 25_000; ageMs < 35_000; ageMs += 1_000) {
      expect((await clients.find(id, NOW_MS + ageMs))?.clientId).toBe(id)
    }
    expect(watched.counts.d1).toBe(2)
    expect((await clients.find(id, NOW_MS + 599_999))?.clientId).toBe(id)
    await expect(clients.find(id, NOW_MS + 600_000)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('are not brought back by a read that a removal overtook', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    watched.fail('first', { until: released })
    const reading = clients.find(id, NOW_MS)
    clients.forget(id)
    release()
    await reading
    watched.mend()
    watched.reset()
    await clients.find(id, NOW_MS)
    expect(watched.counts.d1).toBe(1)
  })

  it('are remembered for not being there for 25 s, and one that is made now is found now', async () => {
    const unknown = crypto.randomUUID()
    watched.reset()
    for (const laterMs of [0, 24_999, 25_000])
      expect(await clients.find(unknown, NOW_MS + laterMs)).toBeNull()
    expect(watched.counts.d1).toBe(2)
    const { client_id } = await newClient()
    expect((await clients.find(client_id, NOW_MS))?.clientId).toBe(client_id)
  })
})

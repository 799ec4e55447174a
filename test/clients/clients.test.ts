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

describe('Clients', () => {
  it('reloads a client after 25 s in one request, while concurrent requests use the known one', async () => {
    await clients.find(id, NOW_MS)
    watched.reset()
    await clients.find(id, NOW_MS + 24_999)
    expect(watched.counts.d1).toBe(0)
    const all = Array.from({ length: 20 }, () => clients.find(id, NOW_MS + 25_000))
    for (const client of await Promise.all(all)) expect(client?.clientId).toBe(id)
    expect(watched.counts.d1).toBe(1)
  })

  it('retries every 5 s while D1 is unavailable, and uses a known client for 10 min', async () => {
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

  it('discards the result of a read if the client is removed during it', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    watched.fail('first', { until: released })
    const reading = clients.find(id, NOW_MS)
    clients.invalidate(id)
    release()
    await reading
    watched.mend()
    watched.reset()
    await clients.find(id, NOW_MS)
    expect(watched.counts.d1).toBe(1)
  })

  it('remembers an unknown client id for 25 s, and finds a new client at once', async () => {
    const unknown = crypto.randomUUID()
    watched.reset()
    for (const laterMs of [0, 24_999, 25_000])
      expect(await clients.find(unknown, NOW_MS + laterMs)).toBeNull()
    expect(watched.counts.d1).toBe(2)
    const { client_id } = await newClient()
    expect((await clients.find(client_id, NOW_MS))?.clientId).toBe(client_id)
  })
})

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Clients } from '../../src/clients/clients.ts'
import { requestAt } from '../support/clock.ts'
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

/** Finds a client in a request that is this much later, and waits for the work in the background. */
const find = async (clientId: string, laterMs = 0) => {
  const request = requestAt(NOW_MS + laterMs)
  const client = await clients.find(clientId, request)
  await request.finish()
  return client
}

describe('Clients', () => {
  it('reloads a client in the background after 20 s, once for any number of concurrent requests', async () => {
    await find(id)
    watched.reset()
    await find(id, 19_999)
    expect(watched.counts.d1).toBe(0)
    const all = Array.from({ length: 20 }, () => find(id, 20_000))
    for (const client of await Promise.all(all)) expect(client?.clientId).toBe(id)
    expect(watched.counts.d1).toBe(1)
  })

  it('finds no client that another isolate removed 30 s ago', async () => {
    await find(id)
    await new Clients(env.DB).remove(id)
    expect((await find(id, 19_999))?.clientId).toBe(id)
    expect(await find(id, 30_000)).toBeNull()
  })

  it('finds no client that it removed itself', async () => {
    await find(id)
    expect(await clients.remove(id)).toBe(true)
    expect(await find(id)).toBeNull()
    expect(await clients.remove(id)).toBe(false)
  })

  it('retries every 5 s while D1 is unavailable, and uses a known client for 10 min', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    await find(id)
    watched.fail('first', { before: true })
    watched.reset()
    for (let ageMs = 25_000; ageMs < 35_000; ageMs += 1_000) {
      expect((await find(id, ageMs))?.clientId).toBe(id)
    }
    expect(watched.counts.d1).toBe(2)
    expect((await find(id, 599_999))?.clientId).toBe(id)
    await expect(find(id, 600_000)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('discards the result of a read if the client is removed during it', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    watched.fail('first', { until: released })
    const reading = find(id)
    await clients.remove(id)
    release()
    await reading
    watched.mend()
    expect(await find(id)).toBeNull()
  })

  it('remembers an unknown client id for 20 s, and finds a new client at once', async () => {
    const unknown = crypto.randomUUID()
    watched.reset()
    for (const laterMs of [0, 19_999, 20_000]) expect(await find(unknown, laterMs)).toBeNull()
    expect(watched.counts.d1).toBe(2)
    const { client_id } = await newClient()
    expect((await find(client_id))?.clientId).toBe(client_id)
  })

  it('keeps known clients cached, however many unknown ids are requested', async () => {
    await find(id)
    await Promise.all(Array.from({ length: 1_001 }, () => find(crypto.randomUUID())))
    watched.reset()
    expect((await find(id))?.clientId).toBe(id)
    expect(watched.counts.d1).toBe(0)
  })
})

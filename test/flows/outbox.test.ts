/** Cron and the outbox: what is due, in which order, and what becomes of events that cannot be delivered. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newId } from '../../src/crypto/ids.ts'
import { Outbox } from '../../src/outbox/outbox-store.ts'
import { newPerson } from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { disable, EVERY_TASK, grant, pendingChanges, runCron } from '../support/database.ts'
import { runIsolate } from '../support/faults.ts'
import { intercept } from '../support/intercept.ts'

/** The trigger of wrangler.toml for runs that only deliver the outbox. */
const EVERY_MINUTE = '* * * * *'
const NOW_MS = 4_000_000_000_000
const NOW = NOW_MS / 1000
const outbox = new Outbox(env.DB)

const insertEvent = (accountId: string, { version = 1, dueAt = 0, kind = 'account_state' } = {}) =>
  env.DB.prepare('INSERT INTO outbox (account_id, kind, data, due_at) VALUES (?1, ?2, ?3, ?4)')
    .bind(accountId, kind, String(version), dueAt)
    .run()

/** Imports accounts with an event each, as an operator does. */
async function importAccounts(count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => newId(Date.now()))
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO accounts (id, username, username_key, roles, credential_version, sessions_not_before, change_id, created_at,
         updated_at) SELECT value, value, value, '["imported"]', 1000, 1000, value, 1, 1 FROM json_each(?1)`,
    ).bind(JSON.stringify(ids)),
    env.DB.prepare(
      `INSERT INTO outbox (account_id, kind, data)
       SELECT id, 'account_state', credential_version FROM accounts WHERE roles = '["imported"]'`,
    ),
  ])
  return ids
}

const total = async () => (await env.DB.prepare('SELECT count(*) AS n FROM outbox').first<number>('n')) ?? -1

const publishedRoles = (id: string) =>
  runInDurableObject(env.ACCOUNT.getByName(id), (_object, { storage }) => {
    const account = storage.kv.get<{ state: { profile: { roles: string[] } } }>('account')
    return account?.state.profile.roles
  })

/** Runs cron, without waiting until all events are due. @returns the number of states that it published */
async function publications(): Promise<number> {
  const { trips } = await runIsolate(async ({ cron }) => {
    await cron()
    return new Response()
  }, null)
  return trips.filter((trip) => trip === 'ACCOUNT.applyState').length
}

let lines: { event: string; [member: string]: unknown }[] = []

beforeEach(async () => {
  await env.DB.batch(['outbox', 'accounts'].map((table) => env.DB.prepare(`DELETE FROM ${table}`)))
  lines = []
  for (const level of ['info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(JSON.parse(line)))
  }
})
afterEach(() => vi.restoreAllMocks())

describe('a claim of events', () => {
  it('takes those that are due, the longest due first', async () => {
    await insertEvent('third', { dueAt: NOW })
    await insertEvent('first', { dueAt: NOW - 60 })
    await insertEvent('second', { dueAt: NOW - 1 })
    await insertEvent('later', { dueAt: NOW + 1 })
    const claim = async (limit: number) =>
      (await outbox.claim(NOW_MS, limit)).map(({ accountId }) => accountId).toSorted()
    expect(await claim(2)).toEqual(['first', 'second'])
    expect(await claim(2)).toEqual(['third'])
    expect(await claim(2)).toEqual([])
  })

  it('gives each event to one of many concurrent claims', async () => {
    for (let each = 0; each < 30; each++) await insertEvent(`account-${each}`)
    const claims = await Promise.all(Array.from({ length: 8 }, () => outbox.claim(NOW_MS, 5)))
    const ids = claims.flat().map(({ id }) => id)
    expect(ids).toHaveLength(30)
    expect(new Set(ids).size).toBe(30)
  })

  it('makes an event due again after 1 min, 5 min, 30 min, and then every 2 h', async () => {
    await insertEvent('account')
    const pauses: number[] = []
    for (let nowMs = NOW_MS; pauses.length < 6; ) {
      expect(await outbox.claim(nowMs, 10)).toMatchObject([{ attempts: pauses.length + 1 }])
      const dueAt = (await env.DB.prepare('SELECT due_at AS at FROM outbox').first<number>('at')) ?? 0
      expect(await outbox.claim(dueAt * 1000 - 1, 10)).toEqual([])
      pauses.push(dueAt - nowMs / 1000)
      nowMs = dueAt * 1000
    }
    expect(pauses).toEqual([60, 300, 1_800, 7_200, 7_200, 7_200])
  })
})

describe('the settlement of published states', () => {
  it('deletes the events of an account up to the published version, and no others', async () => {
    for (const version of [1, 2, 3]) await insertEvent('one', { version })
    await insertEvent('one', { version: 1, kind: 'another' })
    await insertEvent('other', { version: 1 })
    await outbox.removeStates(new Map([['one', 2]]))
    const { results } = await env.DB.prepare('SELECT account_id, kind, data FROM outbox ORDER BY 1, 2').run()
    expect(results.map((row) => Object.values(row))).toEqual([
      ['one', 'account_state', '3'],
      ['one', 'another', '1'],
      ['other', 'account_state', '1'],
    ])
  })
})

describe('a run of cron', () => {
  it('leaves an event to the Worker that has just written it', async () => {
    const { user } = await newPerson()
    await insertEvent(user.id, { dueAt: Math.floor(Date.now() / 1000) + 60 })
    expect(await publications()).toBe(0)
    expect(await pendingChanges(user.id)).toBe(1)
  })

  it('publishes hundreds of states, with few trips to D1 and at most 20 RPCs at once', async () => {
    const ids = await importAccounts(230)
    let [d1, atOnce, most] = [0, 0, 0]
    const bindings = intercept(async ({ binding }, happen) => {
      if (binding === 'DB') {
        d1 += 1
        return happen()
      }
      atOnce += 1
      most = Math.max(most, atOnce)
      return happen().finally(() => {
        atOnce -= 1
      })
    })
    await runCron({ ...env, ...bindings }, EVERY_MINUTE)
    expect([d1, await total()]).toEqual([6, 0])
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(20)
    for (const id of [ids[0], ids[115], ids[229]])
      expect(await publishedRoles(String(id))).toEqual(['imported'])
  })

  it('publishes an account once, whose many changes are pending', async () => {
    const { user } = await newPerson()
    for (const role of ['first', 'second', 'third']) await grant(user.id, { roles: [role] })
    const watched = watch()
    await runCron({ ...env, ...watched.bindings }, EVERY_MINUTE)
    expect(watched.counts.rpc).toBe(1)
    expect(await pendingChanges(user.id)).toBe(0)
    expect(await publishedRoles(user.id)).toEqual(['third'])
  })

  it('publishes each state once when runs overlap', async () => {
    await importAccounts(5)
    const runs = await Promise.all([publications(), publications(), publications()])
    expect(runs.reduce((sum, each) => sum + each)).toBe(5)
    expect(await total()).toBe(0)
  })

  it('publishes the other states while some objects are unavailable, and those later', async () => {
    const ids = await importAccounts(30)
    const broken = new Set(ids.slice(0, 5))
    const ACCOUNT = new Proxy(env.ACCOUNT, {
      get: (of, name) => (id: string) => {
        if (name === 'getByName' && broken.has(id)) throw new Error('unavailable')
        return Reflect.apply(Reflect.get(of, name), of, [id])
      },
    })
    await runCron({ ...env, ACCOUNT }, EVERY_MINUTE)
    expect(await total()).toBe(5)
    const failed = lines.filter(({ event }) => event === 'outbox_delivery_failed')
    expect(failed.reduce((sum, { count }) => sum + Number(count), 0)).toBe(5)
    await runCron(env, EVERY_MINUTE)
    expect(await total()).toBe(0)
  })

  it('stops after a batch of which most cannot be published', async () => {
    await importAccounts(450)
    const watched = watch()
    watched.fail('applyState', { before: true })
    await runCron({ ...env, ...watched.bindings }, EVERY_MINUTE)
    expect(watched.counts.rpc).toBe(200)
    expect(await total()).toBe(450)
  })

  it('logs an event that no attempt of the schedule could deliver, and never drops it', async () => {
    const { user } = await newPerson()
    await disable(user.id)
    const watched = watch()
    watched.fail('applyState', { before: true })
    const overdue = () => lines.filter(({ event }) => event === 'outbox_event_overdue')
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(overdue()).toEqual([])
      await runCron({ ...env, ...watched.bindings }, EVERY_MINUTE)
    }
    expect(overdue()).toMatchObject([{ account_id: user.id, kind: 'account_state', attempts: 5 }])
    await runCron(env, EVERY_MINUTE)
    expect(await pendingChanges(user.id)).toBe(0)
  })

  it('keeps and reports an event of a kind that this release does not know', async () => {
    await insertEvent('account', { kind: 'toString' })
    await runCron(env, EVERY_MINUTE)
    expect(await total()).toBe(1)
    expect(lines).toMatchObject([{ event: 'outbox_delivery_failed', count: 1 }])
  })

  it.each([
    ['one trip to D1 every minute', EVERY_MINUTE, 1],
    ['three trips when it also looks at the keys', EVERY_TASK, 3],
  ])('makes %s, and no RPC, if there is nothing to do', async (_what, trigger, d1) => {
    await newPerson()
    const watched = watch()
    await runCron({ ...env, ...watched.bindings }, trigger)
    expect(watched.counts).toEqual({ d1, rpc: 0 })
  })
})

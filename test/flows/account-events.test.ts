/** Events of an account's object: the Worker delivers them at once, and the object's alarm what the Worker could not. */
import { runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call, newAddress, newPerson, ok, PASSWORD, refresh, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { captureLog, lastRequest, lines } from '../support/log.ts'

const watched = watch()
const worker = workerWith(watched.bindings)

captureLog()
beforeEach(() => freeze())
afterEach(() => {
  watched.mend()
  thaw()
})

const logged = (name: string) => lines.map((line) => JSON.parse(line)).filter(({ event }) => event === name)

/** Wakes the account's object when its first event is due. */
async function wake(accountId: string) {
  advance(5)
  await runDurableObjectAlarm(env.ACCOUNT.getByName(accountId))
}

/** A person whose refresh token was replaced too long ago. */
async function withReplacedToken() {
  const { refresh_token, access_token, user } = await newPerson(worker)
  await ok(refresh(refresh_token, worker))
  advance(10)
  watched.reset()
  const line = { level: 'warn', account_id: user.id, session_id: decodeJwt(access_token).sid }
  return { refresh_token, accountId: user.id, line }
}

describe('the event of a reused refresh token', () => {
  it('is logged once, with the id of the request, and settled with one RPC', async () => {
    const { refresh_token, accountId, line } = await withReplacedToken()
    expect(await refused(refresh(refresh_token, worker))).toMatchObject({ code: 'refresh_token_reused' })
    expect(watched.counts).toEqual({ d1: 0, rpc: 2 })
    await wake(accountId)
    const { request_id } = lastRequest()
    expect(logged('refresh_token_reused')).toMatchObject([{ ...line, request_id }])
  })

  it('is logged by the alarm if the result of the RPC is lost', async () => {
    const { refresh_token, accountId, line } = await withReplacedToken()
    watched.fail('rotate', { after: true })
    expect(await refused(refresh(refresh_token, worker))).toMatchObject({ code: 'unavailable' })
    expect(logged('refresh_token_reused')).toEqual([])
    await wake(accountId)
    expect(logged('refresh_token_reused')).toMatchObject([line])
    expect(logged('refresh_token_reused')[0]).not.toHaveProperty('request_id')
  })

  it.each([
    ['before it happens', { before: true }, 2],
    ['after it has happened', { after: true }, 1],
  ])('is logged again, with the same id, only if its settlement fails %s', async (_when, fault, times) => {
    const { refresh_token, accountId, line } = await withReplacedToken()
    watched.fail('settleEvents', fault)
    expect(await refused(refresh(refresh_token, worker))).toMatchObject({ code: 'refresh_token_reused' })
    await wake(accountId)
    const reused = logged('refresh_token_reused')
    expect(reused).toMatchObject(Array(times).fill(line))
    expect(new Set(reused.map(({ event_id }) => event_id)).size).toBe(1)
    expect(logged('outbox_row_pending')).toMatchObject([{ account_id: accountId }])
  })
})

describe('the event of a login from a new device', () => {
  it('is logged without the IP address and the user agent, and settled with one RPC', async () => {
    const { name, user } = await newPerson(worker)
    const address = newAddress()
    const logIn = () => {
      const headers = { 'CF-Connecting-IP': address, 'User-Agent': 'Firefox/140.0 (X11; Linux)' }
      const body = { identifier: name, password: PASSWORD }
      watched.reset()
      return ok(call('POST', '/auth/login', { body, headers }, worker))
    }
    await logIn()
    expect(watched.counts).toEqual({ d1: 1, rpc: 6 })
    await logIn()
    expect(watched.counts).toEqual({ d1: 1, rpc: 5 })
    const { session_id, request_id } = lines
      .map((line) => JSON.parse(line))
      .filter(({ route }) => route === '/auth/login')[0]
    expect(logged('new_device_login')).toEqual([
      {
        time: new Date().toISOString(),
        level: 'info',
        event: 'new_device_login',
        event_id: expect.any(String),
        request_id,
        account_id: user.id,
        session_id,
      },
    ])
    expect(lines.join()).not.toContain(address)
    expect(lines.join()).not.toContain('Firefox')
  })
})

import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Browser } from '../support/browser.ts'
import {
  call,
  type Fetch,
  logIn,
  newAddress,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  register,
  workerWith,
} from '../support/client.ts'
import { freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { basic, newClient, post } from '../support/oauth.ts'
import { newRequester } from '../support/requester.ts'
import type { Tokens } from '../support/responses.ts'
import { solve } from '../support/solver.ts'

const watched = watch()
const worker: Fetch = workerWith(watched.bindings)
let person: Tokens & { readonly name: string }

const verifyForProxy = ({ access_token: bearer }: Tokens) => call('GET', '/auth/verify', { bearer }, worker)

/** Sends a form of the hosted pages without following the redirect. */
function postForm(path: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const type = { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' }
  const sent = { ...type, 'CF-Connecting-IP': newAddress(), ...headers }
  return call('POST', path, { headers: sent, body }, worker)
}

// An isolate reads keys and settings again every 20 s, beside a request.
beforeAll(() => freeze())
afterAll(thaw)

beforeEach(async () => {
  person = await newPerson(worker)
  watched.reset()
})

/** The round trips of each call in a warm isolate, with no challenge and the right password. */
describe('the budget of round trips', () => {
  it('registers with one D1 batch and three RPCs: reserve, open, settle', async () => {
    await newPerson(worker)
    expect(watched.counts).toEqual({ d1: 1, rpc: 3 })
  })

  it('logs in with one D1 read and five RPCs: two reserve, open, two settle', async () => {
    await ok(logIn(person.name, PASSWORD, worker))
    expect(watched.counts).toEqual({ d1: 1, rpc: 5 })
  })

  it('refreshes with one RPC and no D1 query', async () => {
    await ok(refresh(person.refresh_token, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('serves GET /auth/me with one RPC and no D1 query', async () => {
    await ok(call('GET', '/auth/me', { bearer: person.access_token }, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('changes a name with two RPCs (check, publish), a D1 read, a D1 batch and the removal of its event', async () => {
    await ok(call('PATCH', '/auth/me', { bearer: person.access_token, body: { name: 'Ada' } }, worker))
    expect(watched.counts).toEqual({ d1: 3, rpc: 2 })
  })

  it('serves the login and registration pages with one RPC and no D1 query: whether the next attempt needs a challenge', async () => {
    for (const path of ['/login', '/register']) {
      watched.reset()
      await new Browser({}, worker).open(path)
      expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
    }
  })

  it('serves the account page with one RPC and no D1 query (rotate), and the list of devices with one more', async () => {
    const browser = new Browser({}, worker)
    await browser.send('/login', { identifier: person.name, password: PASSWORD })
    watched.reset()
    await browser.open('/account')
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
    watched.reset()
    await browser.open('/account/devices')
    expect(watched.counts).toEqual({ d1: 0, rpc: 2 })
  })

  it('logs in on a page with one D1 read and five RPCs, although that opens two token families', async () => {
    const body = new URLSearchParams({ identifier: person.name, password: PASSWORD }).toString()
    expect((await postForm('/auth/pages/login', body)).status).toBe(303)
    expect(watched.counts).toEqual({ d1: 1, rpc: 5 })
  })

  it('continues to an app with two RPCs and no D1 query: rotate, open a family', async () => {
    const browser = new Browser({}, worker)
    await browser.send('/login', { identifier: person.name, password: PASSWORD })
    const Cookie = `__Host-gatehouse_pages=${browser.cookie('__Host-gatehouse_pages')}`
    watched.reset()
    expect((await postForm('/auth/pages/login/continue', '', { Cookie })).status).toBe(303)
    expect(watched.counts).toEqual({ d1: 0, rpc: 2 })
  })

  it.each(['/auth/sessions', '/auth/sessions?except=current'])(
    'ends sessions with two RPCs (check, end) and no D1 query, with a password one D1 read and four RPCs more: DELETE %s',
    async (path) => {
      const { access_token: bearer } = person
      const body = { current_password: PASSWORD }
      await ok(call('DELETE', '/auth/sessions?except=current', { bearer, body }, worker), 204)
      expect(watched.counts).toEqual({ d1: 1, rpc: 6 })
      watched.reset()
      await ok(call('DELETE', path, { bearer }, worker), 204)
      expect(watched.counts).toEqual({ d1: 0, rpc: 2 })
    },
  )

  it('logs in over the cookie of another session with one RPC more, which ends that session', async () => {
    const body = { identifier: person.name, password: PASSWORD, transport: 'cookie' }
    const Cookie = `__Secure-gatehouse_refresh=${person.refresh_token}`
    await ok(call('POST', '/auth/login', { body, headers: { Cookie } }, worker))
    expect(watched.counts).toEqual({ d1: 1, rpc: 6 })
  })

  it('logs out of the pages with one RPC, since both cookies belong to one session', async () => {
    const browser = new Browser({}, worker)
    await browser.send('/login', { identifier: person.name, password: PASSWORD })
    const [page, refreshing] = ['__Host-gatehouse_pages', '__Secure-gatehouse_refresh']
    const Cookie = [page, refreshing].map((name) => `${name}=${browser.cookie(name)}`).join('; ')
    watched.reset()
    expect((await postForm('/auth/pages/logout', '', { Cookie })).status).toBe(303)
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('serves the key set without a round trip', async () => {
    await ok(call('GET', '/.well-known/jwks.json', {}, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })

  it('serves forward auth without a round trip', async () => {
    expect((await verifyForProxy(person)).status).toBe(200)
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })

  it('introspects a token with one RPC and no D1 query: whether the session is alive', async () => {
    const { client_id, client_secret } = await newClient({}, worker)
    const sent = { headers: basic(client_id, client_secret), fetch: worker }
    const introspect = () => ok(post('/oauth2/introspect', { token: person.access_token }, sent))
    await introspect()
    watched.reset()
    expect(await introspect()).toMatchObject({ active: true })
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it.each([
    [
      'a forged access token',
      (token: Tokens) => call('GET', '/auth/me', { bearer: `${token.access_token}x` }, worker),
    ],
    ['a forged refresh token', (token: Tokens) => refresh(`B${token.refresh_token.slice(1)}`, worker)],
    ['an invalid body', () => call('POST', '/auth/login', { body: { password: 'x' } }, worker)],
    [
      'a weak password',
      () => call('POST', '/auth/register', { body: { username: 'ada', password: 'x' } }, worker),
    ],
  ])('rejects %s without a round trip', async (_what, send) => {
    expect((await send(person)).status).toBeGreaterThanOrEqual(400)
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })

  it('counts a login with an impossible identifier with four RPCs and no D1 query', async () => {
    expect((await logIn('@', 'x', worker)).status).toBe(401)
    expect(watched.counts).toEqual({ d1: 0, rpc: 4 })
  })

  it('rejects a challenge that was used already with two RPCs, none of them at the identifier', async () => {
    const here = newRequester(worker)
    await here.failTimes(3, newName())
    const solved = await solve((await refused(here.logIn(person.name))).challenge)
    await ok(here.logIn(person.name, PASSWORD, solved))
    watched.reset()
    expect(await refused(here.logIn(person.name, PASSWORD, solved))).toMatchObject({
      reasons: ['already_used'],
    })
    expect(watched.counts).toEqual({ d1: 0, rpc: 2 })
  })

  it('logs in with a challenge with seven RPCs at most', async () => {
    const here = newRequester(worker)
    await here.failTimes(3, newName())
    const solved = await solve((await refused(here.logIn(person.name))).challenge)
    watched.reset()
    await ok(here.logIn(person.name, PASSWORD, solved))
    expect(watched.counts).toEqual({ d1: 1, rpc: 6 })
  })

  it('issues a challenge with one RPC', async () => {
    await ok(call('GET', '/auth/challenge?action=login', {}, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })
})

describe('the budget of a cold isolate', () => {
  const cold = () => {
    const counting = watch()
    return { counts: counting.counts, isolate: workerWith(counting.bindings) }
  }

  it('reads the signing keys, the naming key and the settings in one D1 trip: the first login makes one more than a warm one', async () => {
    const { counts, isolate } = cold()
    await ok(logIn(person.name, PASSWORD, isolate))
    expect(counts).toEqual({ d1: 2, rpc: 5 })
  })

  it('makes one D1 trip more for the first refresh and for the first GET /auth/me', async () => {
    const first = cold()
    const { access_token: bearer } = await ok<Tokens>(refresh(person.refresh_token, first.isolate))
    expect(first.counts).toEqual({ d1: 1, rpc: 1 })
    const second = cold()
    await ok(call('GET', '/auth/me', { bearer }, second.isolate))
    expect(second.counts).toEqual({ d1: 1, rpc: 1 })
  })

  it('creates the first keys of a service with a second D1 trip', async () => {
    await env.DB.exec('DELETE FROM signing_keys')
    const { counts, isolate } = cold()
    await ok(call('GET', '/.well-known/jwks.json', {}, isolate))
    expect(counts).toEqual({ d1: 2, rpc: 0 })
  })
})

/** The WebCrypto calls of each call in a warm isolate, since they take most of its time. */
describe('the budget of cryptography', () => {
  const METHODS = ['sign', 'verify', 'digest', 'deriveBits', 'importKey', 'encrypt', 'decrypt'] as const

  /** @returns how often each method was called, without those that were not */
  async function countsOf(send: () => Promise<Response>): Promise<Partial<Record<string, number>>> {
    await ok(call('GET', '/.well-known/jwks.json', {}, worker))
    const spies = METHODS.map((method) => vi.spyOn(crypto.subtle, method))
    expect((await send()).status).toBeLessThan(300)
    const counts = spies.map((spy, index) => [METHODS[index] ?? '', spy.mock.calls.length] as const)
    vi.restoreAllMocks()
    return Object.fromEntries(counts.filter(([, count]) => count > 0))
  }

  it('verifies one signature in forward auth, and none for a known token', async () => {
    expect(await countsOf(() => verifyForProxy(person))).toEqual({ verify: 1 })
    expect(await countsOf(() => verifyForProxy(person))).toEqual({})
  })

  it('verifies one signature in GET /auth/me, and none for a known token', async () => {
    const me = () => call('GET', '/auth/me', { bearer: person.access_token }, worker)
    expect(await countsOf(me)).toEqual({ verify: 1 })
    expect(await countsOf(me)).toEqual({})
  })

  it('serves the key set without cryptography', async () => {
    expect(await countsOf(() => call('GET', '/.well-known/jwks.json', {}, worker))).toEqual({})
  })

  it("refreshes with the token's HMAC, its secret's digest, a signature and the next token's HMAC", async () => {
    const counts = await countsOf(() => refresh(person.refresh_token, worker))
    expect(counts).toEqual({ verify: 1, digest: 1, sign: 2 })
  })

  it('logs in with six derivations, two counter keys, two tokens and three digests', async () => {
    const counts = await countsOf(() => logIn(person.name, PASSWORD, worker))
    expect(counts).toEqual({ deriveBits: 6, importKey: 6, sign: 4, digest: 3 })
  })

  it('registers with six derivations, one counter key, two tokens and one digest', async () => {
    const counts = await countsOf(() => register({ username: newName() }, PASSWORD, worker))
    expect(counts).toEqual({ deriveBits: 6, importKey: 6, sign: 3, digest: 1 })
  })
})

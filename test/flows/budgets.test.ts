import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Browser } from '../support/browser.ts'
import {
  call,
  type Fetch,
  logIn,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  register,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { basic, newClient, post } from '../support/oauth.ts'

const watched = watch()
const worker: Fetch = workerWith(watched.bindings)
let person: Tokens & { readonly name: string }

const verifyForProxy = ({ access_token: bearer }: Tokens) => call('GET', '/auth/verify', { bearer }, worker)

beforeEach(async () => {
  person = await newPerson(worker)
  watched.reset()
})

/** What each call may cost, warm, with no challenge and the right password. */
describe('the budget of round trips', () => {
  it('of a registration is one D1 batch and three RPCs: reserve, open, settle', async () => {
    await newPerson(worker)
    expect(watched.counts).toEqual({ d1: 1, rpc: 3 })
  })

  it('of a log in is one D1 read and five RPCs: two reserve, open, two settle', async () => {
    await ok(logIn(person.name, PASSWORD, worker))
    expect(watched.counts).toEqual({ d1: 1, rpc: 5 })
  })

  it('of a refresh is no D1 and one RPC', async () => {
    await ok(refresh(person.refresh_token, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('of GET /auth/me is no D1 and one RPC', async () => {
    await ok(call('GET', '/auth/me', { bearer: person.access_token }, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('of the pages to log in and register is no D1 and one RPC: whether the next attempt needs a challenge', async () => {
    for (const path of ['/login', '/register']) {
      watched.reset()
      await new Browser({}, worker).open(path)
      expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
    }
  })

  it("of the account's page is no D1 and two RPCs: resume, list", async () => {
    const browser = new Browser({}, worker)
    await browser.send('/login', { identifier: person.name, password: PASSWORD })
    watched.reset()
    await browser.open('/account')
    expect(watched.counts).toEqual({ d1: 0, rpc: 2 })
  })

  it.each(['/auth/sessions', '/auth/sessions?except=current'])(
    'of ending sessions is no D1 and two RPCs (check, end), with a password one D1 read and four RPCs more: DELETE %s',
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

  it('of a log in over the cookie of another session is one RPC more: that one ends', async () => {
    const body = { identifier: person.name, password: PASSWORD, transport: 'cookie' }
    const Cookie = `__Secure-gatehouse_refresh=${person.refresh_token}`
    await ok(call('POST', '/auth/login', { body, headers: { Cookie } }, worker))
    expect(watched.counts).toEqual({ d1: 1, rpc: 6 })
  })

  it('of a log out on the pages is one RPC: both cookies are of one session', async () => {
    const browser = new Browser({}, worker)
    await browser.send('/login', { identifier: person.name, password: PASSWORD })
    const [page, refreshing] = ['__Host-gatehouse_pages', '__Secure-gatehouse_refresh']
    const Cookie = [page, refreshing].map((name) => `${name}=${browser.cookie(name)}`).join('; ')
    const type = 'application/x-www-form-urlencoded'
    const headers = { Cookie, 'Content-Type': type, 'Sec-Fetch-Site': 'same-origin' }
    watched.reset()
    expect((await call('POST', '/auth/pages/logout', { headers, body: '' }, worker)).status).toBe(303)
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('of the key set is nothing', async () => {
    await ok(call('GET', '/.well-known/jwks.json', {}, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })

  it('of forward auth is nothing', async () => {
    expect((await verifyForProxy(person)).status).toBe(200)
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })

  it('of introspection is no D1 and one RPC: whether the session lives', async () => {
    const { client_id, client_secret } = await newClient({}, worker)
    const sent = { headers: basic(client_id, client_secret), fetch: worker }
    const ask = () => ok(post('/oauth2/introspect', { token: person.access_token }, sent))
    await ask()
    watched.reset()
    expect(await ask()).toMatchObject({ active: true })
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it.each([
    [
      'a forged access token',
      (token: Tokens) => call('GET', '/auth/me', { bearer: `${token.access_token}x` }, worker),
    ],
    ['a forged refresh token', (token: Tokens) => refresh(`B${token.refresh_token.slice(1)}`, worker)],
    ['a body that is refused', () => call('POST', '/auth/login', { body: { password: 'x' } }, worker)],
    [
      'a weak password',
      () => call('POST', '/auth/register', { body: { username: 'ada', password: 'x' } }, worker),
    ],
  ])('of %s is nothing', async (_what, send) => {
    expect((await send(person)).status).toBeGreaterThanOrEqual(400)
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })

  it('of an identifier that no account could have is its counters', async () => {
    expect((await logIn('@', 'x', worker)).status).toBe(401)
    expect(watched.counts).toEqual({ d1: 0, rpc: 4 })
  })

  it('of a challenge is one RPC', async () => {
    await ok(call('GET', '/auth/challenge?action=login', {}, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })
})

/** What each call may ask of WebCrypto, warm: most of its time is spent there. */
describe('the budget of cryptography', () => {
  const METHODS = ['sign', 'verify', 'digest', 'deriveBits', 'importKey', 'encrypt', 'decrypt'] as const

  /** @returns how often each was called, those that were */
  async function countsOf(send: () => Promise<Response>): Promise<Partial<Record<string, number>>> {
    await ok(call('GET', '/.well-known/jwks.json', {}, worker))
    const spies = METHODS.map((method) => vi.spyOn(crypto.subtle, method))
    expect((await send()).status).toBeLessThan(300)
    const counts = spies.map((spy, index) => [METHODS[index] ?? '', spy.mock.calls.length] as const)
    vi.restoreAllMocks()
    return Object.fromEntries(counts.filter(([, count]) => count > 0))
  }

  it('of forward auth is one signature checked, and none for a token that is known', async () => {
    expect(await countsOf(() => verifyForProxy(person))).toEqual({ verify: 1 })
    expect(await countsOf(() => verifyForProxy(person))).toEqual({})
  })

  it('of GET /auth/me is the same', async () => {
    const me = () => call('GET', '/auth/me', { bearer: person.access_token }, worker)
    expect(await countsOf(me)).toEqual({ verify: 1 })
    expect(await countsOf(me)).toEqual({})
  })

  it('of the key set is nothing', async () => {
    expect(await countsOf(() => call('GET', '/.well-known/jwks.json', {}, worker))).toEqual({})
  })

  it("of a refresh is the token's HMAC, its secret's digest, a signature and the next one's HMAC", async () => {
    const counts = await countsOf(() => refresh(person.refresh_token, worker))
    expect(counts).toEqual({ verify: 1, digest: 1, sign: 2 })
  })

  it('of a log in is six derivations, two names, two tokens and three digests', async () => {
    const counts = await countsOf(() => logIn(person.name, PASSWORD, worker))
    expect(counts).toEqual({ deriveBits: 6, importKey: 6, sign: 4, digest: 3 })
  })

  it('of a registration is six derivations, one name, two tokens and one digest', async () => {
    const counts = await countsOf(() => register({ username: newName() }, PASSWORD, worker))
    expect(counts).toEqual({ deriveBits: 6, importKey: 6, sign: 3, digest: 1 })
  })
})

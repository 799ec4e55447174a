import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ChallengeRequest } from '../../src/challenge/challenge.ts'
import { REQUEST_TIMEOUT_MS, Siteverify } from '../../src/challenge/siteverify.ts'
import type { SiteverifyConfig } from '../../src/config/challenge.ts'
import { BEHAVIOURS, type Behaviour, SECRET, SITE_KEY } from '../support/fake-provider/protocol.ts'
import { FakeProvider } from '../support/fake-provider.ts'

afterEach(() => vi.restoreAllMocks())

const REQUEST: ChallengeRequest = { action: 'login', requesterCounter: 'a requester', address: '192.0.2.1' }
const OUTAGES = (Object.keys(BEHAVIOURS) as Behaviour[]).filter((name) => name !== 'right')
const STALLING: readonly Behaviour[] = ['stalls', 'stalls midway']
const REFUSED = 'http://127.0.0.1:9/siteverify'

const siteverify = (fake: FakeProvider, changes: Partial<SiteverifyConfig> = {}) =>
  new Siteverify(fake.config(changes))
const failing = (...reasons: string[]) => ({ solved: false, reasons })
const PASSED = { solved: true, challenge: null }
const unavailable = { code: 'challenge_unavailable' }

/** Times out the first tries as soon as the provider has received them. @returns the time limit of each try */
function timeOutFirst(fake: FakeProvider, tries: number): readonly number[] {
  const limits: number[] = []
  const timeout = AbortSignal.timeout.bind(AbortSignal)
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const nth = limits.push(ms)
    if (nth > tries) return timeout(ms)
    const controller = new AbortController()
    void fake.heard(nth).then(() => controller.abort())
    return controller.signal
  })
  return limits
}

describe.each(['turnstile', 'hcaptcha'] as const)('%s', (name) => {
  it('describes a widget challenge by provider, action and site key', async () => {
    expect(await siteverify(new FakeProvider(name)).issue(REQUEST)).toEqual({
      provider: name,
      action: 'login',
      site_key: SITE_KEY,
    })
  })

  it('accepts the token of a solved widget', async () => {
    const fake = new FakeProvider(name)
    expect(await siteverify(fake).verify(await fake.solve(), REQUEST)).toEqual(PASSED)
  })

  it('rejects a token that no widget issued, and one of the widget of another site key', async () => {
    const fake = new FakeProvider(name)
    expect(await siteverify(fake).verify('0.a-guess', REQUEST)).toEqual(failing('rejected'))
    const foreign = await fake.solve({ action: 'login', site_key: 'of another' })
    expect(await siteverify(fake).verify(foreign, REQUEST)).toEqual(failing('rejected'))
  })

  it.each([
    ['an empty string', ''],
    ['a token with a space', '0.a token'],
    ['a token with a line break', '0.token\n'],
    ['a token with a non-ASCII letter', '0.tök'],
    ['markup', '<script>'],
    ['a token with a NUL', '0.\0'],
  ])('rejects malformed text without a request to the provider: %s', async (_what, token) => {
    const fake = new FakeProvider(name)
    expect(await siteverify(fake).verify(token, REQUEST)).toEqual(failing('malformed'))
    expect(await fake.forms()).toEqual([])
  })

  it('verifies tokens up to the maximum length, and rejects longer ones without a request to the provider', async () => {
    const fake = new FakeProvider(name)
    const max = name === 'turnstile' ? 2_048 : 4_096
    expect(await siteverify(fake).verify('x'.repeat(max), REQUEST)).toEqual(failing('rejected'))
    expect(await siteverify(fake).verify('x'.repeat(max + 1), REQUEST)).toEqual(failing('malformed'))
    expect(await fake.forms()).toHaveLength(1)
  })

  it('accepts only tokens solved on a listed host, ignoring letter case', async () => {
    const fake = new FakeProvider(name)
    const listed = siteverify(fake, { hostnames: ['app.example.com', 'www.example.com'] })
    for (const hostname of ['www.example.com', 'App.Example.com']) {
      expect(await listed.verify(await fake.solve({ action: 'login', hostname }), REQUEST)).toEqual(PASSED)
    }
    for (const hostname of ['example.com', 'evil-app.example.com', 'app.example.com.evil.test', '']) {
      const token = await fake.solve({ action: 'login', hostname })
      expect(await listed.verify(token, REQUEST)).toEqual(failing('rejected'))
    }
  })

  it('accepts a token solved on any host if no host is listed', async () => {
    const fake = new FakeProvider(name)
    const token = await fake.solve({ action: 'login', hostname: 'anywhere.example' })
    expect(await siteverify(fake).verify(token, REQUEST)).toEqual(PASSED)
  })

  it.each(['', 'a secret that the provider does not know'])(
    'reports the unknown secret "%s" as misconfigured, in the error and in the log',
    async (secret) => {
      const lines = vi.spyOn(console, 'error').mockImplementation(() => undefined)
      const fake = new FakeProvider(name)
      const verifying = siteverify(fake, { secret }).verify(await fake.solve(), REQUEST)
      await expect(verifying).rejects.toMatchObject({ code: 'misconfigured' })
      const [[line]] = lines.mock.calls as [[string]]
      expect(JSON.parse(line)).toMatchObject({
        level: 'error',
        event: 'misconfigured',
        problems: [
          {
            variable: 'CHALLENGE_SECRET',
            problem: `is refused by ${name}: ${secret === '' ? 'missing' : 'invalid'}-input-secret`,
          },
        ],
      })
      if (secret !== '') expect(line).not.toContain(secret)
    },
  )

  it.each(OUTAGES.filter((behaviour) => behaviour !== 'lost'))(
    'reports a failing provider as unavailable: %s',
    async (behaviour) => {
      const fake = new FakeProvider(name)
      if (STALLING.includes(behaviour)) timeOutFirst(fake, 2)
      const token = await fake.solve()
      await fake.behave(behaviour)
      await expect(siteverify(fake).verify(token, REQUEST)).rejects.toMatchObject(unavailable)
      expect(await fake.forms()).toHaveLength(name === 'turnstile' ? 2 : 1)
    },
  )

  it('reports a provider that refuses connections as unavailable', async () => {
    const fake = new FakeProvider(name)
    const down = siteverify(fake, { verifyUrl: REFUSED })
    await expect(down.verify(await fake.solve(), REQUEST)).rejects.toMatchObject(unavailable)
    expect(await down.isAvailable()).toBe(false)
  })

  it('names neither secret nor token in the error of an outage', async () => {
    const fake = new FakeProvider(name)
    const token = await fake.solve()
    for (const behaviour of ['hangs up', 'garbage', 'status 500', 'redirects'] as const) {
      await fake.behave(behaviour)
      const cause = await siteverify(fake)
        .verify(token, REQUEST)
        .catch((error: Error) => error.cause)
      expect(cause).toBeInstanceOf(Error)
      expect(String(cause)).not.toMatch(new RegExp(`${SECRET}|${token}`))
    }
  })

  it('limits each request to the provider to 4 s', async () => {
    const fake = new FakeProvider(name)
    const limits = timeOutFirst(fake, 2)
    await fake.behave('stalls')
    await expect(siteverify(fake).verify(await fake.solve(), REQUEST)).rejects.toMatchObject(unavailable)
    expect(REQUEST_TIMEOUT_MS).toBe(4_000)
    expect(limits).toEqual(
      name === 'turnstile' ? [REQUEST_TIMEOUT_MS, REQUEST_TIMEOUT_MS] : [REQUEST_TIMEOUT_MS],
    )
  })

  it('probes the provider with one request, and reports it as reachable unless the request fails', async () => {
    const fake = new FakeProvider(name)
    expect(await siteverify(fake).isAvailable()).toBe(true)
    await fake.behave('status 500')
    expect(await siteverify(fake).isAvailable()).toBe(false)
    expect(await fake.forms()).toHaveLength(2)
  })
})

describe('Turnstile', () => {
  it('sends Turnstile the secret, the token, the IP address and a random idempotency key', async () => {
    const fake = new FakeProvider()
    const token = await fake.solve()
    await siteverify(fake).verify(token, REQUEST)
    await siteverify(fake).verify(token, REQUEST)
    const [first, second] = await fake.forms()
    const uuid = expect.stringMatching(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
    expect(first).toEqual({ secret: SECRET, response: token, remoteip: '192.0.2.1', idempotency_key: uuid })
    expect(second?.idempotency_key).not.toBe(first?.idempotency_key)
  })

  it.each([
    ['used before', { action: 'login' }, true],
    ['solved 300 s ago', { action: 'login', age_seconds: 300 }, false],
  ])('rejects a Turnstile token %s as expired or already used', async (_what, solved, used) => {
    const fake = new FakeProvider()
    const token = await fake.solve(solved)
    if (used) await siteverify(fake).verify(token, REQUEST)
    expect(await siteverify(fake).verify(token, REQUEST)).toEqual(failing('expired', 'already_used'))
  })

  it.each([
    ['another action', { action: 'register' }],
    ['no action', {}],
  ])('rejects a Turnstile token of %s', async (_what, solved) => {
    const fake = new FakeProvider()
    expect(await siteverify(fake).verify(await fake.solve(solved), REQUEST)).toEqual(failing('wrong_action'))
  })

  it('rejects a Turnstile token if the response omits the action', async () => {
    const response = Response.json({ success: true, hostname: 'localhost', 'error-codes': [] })
    vi.spyOn(globalThis, 'fetch').mockResolvedValue(response)
    expect(await siteverify(new FakeProvider()).verify('0.a-token', REQUEST)).toEqual(failing('wrong_action'))
  })

  it('names all reasons to reject a Turnstile token at once', async () => {
    const fake = new FakeProvider()
    const token = await fake.solve({ action: 'register', hostname: 'evil.example' })
    const listed = siteverify(fake, { hostnames: ['app.example.com'] })
    expect(await listed.verify(token, REQUEST)).toEqual(failing('wrong_action', 'rejected'))
  })

  it.each(OUTAGES)(
    'retries Turnstile once with the same idempotency key after a failed try: %s',
    async (behaviour) => {
      const fake = new FakeProvider()
      if (STALLING.includes(behaviour)) timeOutFirst(fake, 1)
      const token = await fake.solve()
      await fake.behave(behaviour, 'right')
      expect(await siteverify(fake).verify(token, REQUEST)).toEqual(PASSED)
      const keys = (await fake.forms()).map(({ idempotency_key }) => idempotency_key)
      expect(keys).toHaveLength(2)
      expect(keys[0]).toBe(keys[1])
    },
  )

  it.each([
    ['1x0000000000000000000000000000000AA', 'XXXX.DUMMY.TOKEN.XXXX', PASSED],
    ['1x0000000000000000000000000000000AA', '0.a-real-one', failing('rejected')],
    ['2x0000000000000000000000000000000AA', 'XXXX.DUMMY.TOKEN.XXXX', failing('rejected')],
    ['3x0000000000000000000000000000000AA', 'XXXX.DUMMY.TOKEN.XXXX', failing('expired', 'already_used')],
  ])(
    'verifies with the published test secret %s the token %s as documented (Turnstile, "Testing"), on any host',
    async (secret, token, expected) => {
      const testing = siteverify(new FakeProvider(), {
        secret,
        testing: true,
        hostnames: ['app.example.com'],
      })
      expect(await testing.verify(token, REQUEST)).toEqual(expected)
    },
  )

  it.each([
    ['action', { action: 'register' }, 'wrong_action'],
    ['host', { action: 'login', hostname: 'evil.example' }, 'rejected'],
  ])(
    'rejects another %s under a Turnstile test secret if the response names one',
    async (_what, solved, reason) => {
      const fake = new FakeProvider()
      const testing = siteverify(fake, { testing: true, hostnames: ['app.example.com', 'localhost'] })
      expect(await testing.verify(await fake.solve(solved), REQUEST)).toEqual(failing(reason))
    },
  )

  it('rejects the published dummy token of Turnstile under a real secret', async () => {
    const fake = new FakeProvider()
    expect(await siteverify(fake).verify('XXXX.DUMMY.TOKEN.XXXX', REQUEST)).toEqual(failing('rejected'))
  })
})

describe('hCaptcha', () => {
  it('sends hCaptcha the secret, the token, the IP address and the site key', async () => {
    const fake = new FakeProvider('hcaptcha')
    const token = await fake.solve()
    await siteverify(fake).verify(token, REQUEST)
    expect(await fake.forms()).toEqual([
      { secret: SECRET, response: token, remoteip: '192.0.2.1', sitekey: SITE_KEY },
    ])
  })

  it('distinguishes a used hCaptcha token from an expired one', async () => {
    const fake = new FakeProvider('hcaptcha')
    const token = await fake.solve()
    await siteverify(fake).verify(token, REQUEST)
    expect(await siteverify(fake).verify(token, REQUEST)).toEqual(failing('already_used'))
    const late = await fake.solve({ age_seconds: 120 })
    expect(await siteverify(fake).verify(late, REQUEST)).toEqual(failing('expired'))
  })

  it('does not retry hCaptcha, since the token may be used up', async () => {
    const fake = new FakeProvider('hcaptcha')
    await fake.behave('lost', 'right')
    await expect(siteverify(fake).verify(await fake.solve(), REQUEST)).rejects.toMatchObject(unavailable)
    expect(await fake.forms()).toHaveLength(1)
  })

  it('rejects an hCaptcha token if its site key belongs to another secret, and logs the mismatch', async () => {
    const lines = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const fake = new FakeProvider('hcaptcha')
    const otherSite = siteverify(fake, { siteKey: 'of another' })
    expect(await otherSite.verify(await fake.solve(), REQUEST)).toEqual(failing('rejected'))
    const otherToken = await fake.solve({ site_key: 'of another' })
    expect(await siteverify(fake).verify(otherToken, REQUEST)).toEqual(failing('rejected'))
    expect(lines.mock.calls.join()).toContain('challenge_site_key_mismatch')
    expect(lines).toHaveBeenCalledTimes(2)
  })

  it.each([
    ['10000000-aaaa-bbbb-cccc-000000000001', PASSED],
    ['P1_a-real-one', failing('rejected')],
  ])(
    'verifies with the published test secret the token %s as documented (hCaptcha, "Test Key Set")',
    async (token, expected) => {
      const secret = '0x0000000000000000000000000000000000000000'
      const fake = new FakeProvider('hcaptcha')
      const testing = siteverify(fake, { secret, testing: true, hostnames: ['app.example.com'] })
      expect(await testing.verify(token, REQUEST)).toEqual(expected)
    },
  )
})

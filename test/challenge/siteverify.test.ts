import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ChallengeRequest } from '../../src/challenge/challenge.ts'
import { Siteverify, TRY_MS } from '../../src/challenge/siteverify.ts'
import type { SiteverifyConfig } from '../../src/config/challenge.ts'
import { Desk } from '../support/desk.ts'
import { BEHAVIOURS, type Behaviour, SECRET, SITE_KEY } from '../support/stand-in/protocol.ts'

afterEach(() => vi.restoreAllMocks())

const REQUEST: ChallengeRequest = { action: 'login', client: 'a client', address: '192.0.2.1' }
const OUTAGES = (Object.keys(BEHAVIOURS) as Behaviour[]).filter((name) => name !== 'right')
const STALLS: readonly Behaviour[] = ['stalls', 'stalls midway']
const REFUSED = 'http://127.0.0.1:9/siteverify'

const siteverify = (desk: Desk, changes: Partial<SiteverifyConfig> = {}) =>
  new Siteverify(desk.config(changes))
const failing = (...reasons: string[]) => ({ solved: false, reasons })
const PASSED = { solved: true, claim: null }
const unavailable = { code: 'challenge_unavailable' }

/** Lets the first tries be over as soon as the provider has heard of them. @returns how long each was to take */
function hurry(desk: Desk, tries: number): readonly number[] {
  const asked: number[] = []
  const timeout = AbortSignal.timeout.bind(AbortSignal)
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const nth = asked.push(ms)
    if (nth > tries) return timeout(ms)
    const over = new AbortController()
    void desk.heard(nth).then(() => over.abort())
    return over.signal
  })
  return asked
}

describe.each(['turnstile', 'hcaptcha'] as const)('%s', (name) => {
  it('is described by its name, its action and its site key', async () => {
    expect(await siteverify(new Desk(name)).describe(REQUEST)).toEqual({
      provider: name,
      action: 'login',
      site_key: SITE_KEY,
    })
  })

  it('passes who solved the widget', async () => {
    const desk = new Desk(name)
    expect(await siteverify(desk).verify(await desk.solve(), REQUEST)).toEqual(PASSED)
  })

  it('refuses what no widget gave, and other widgets', async () => {
    const desk = new Desk(name)
    expect(await siteverify(desk).verify('0.a-guess', REQUEST)).toEqual(failing('rejected'))
    const foreign = await desk.solve({ action: 'login', site_key: 'of another' })
    expect(await siteverify(desk).verify(foreign, REQUEST)).toEqual(failing('rejected'))
  })

  it.each([
    ['no text', ''],
    ['a space', '0.a token'],
    ['a line break', '0.token\n'],
    ['a letter beyond ASCII', '0.tök'],
    ['markup', '<script>'],
    ['a NUL', '0.\0'],
  ])('is not asked about what has %s', async (_what, token) => {
    const desk = new Desk(name)
    expect(await siteverify(desk).verify(token, REQUEST)).toEqual(failing('malformed'))
    expect(await desk.forms()).toEqual([])
  })

  it('takes tokens as long as they come, and is not asked about longer ones', async () => {
    const desk = new Desk(name)
    const max = name === 'turnstile' ? 2_048 : 4_096
    expect(await siteverify(desk).verify('x'.repeat(max), REQUEST)).toEqual(failing('rejected'))
    expect(await siteverify(desk).verify('x'.repeat(max + 1), REQUEST)).toEqual(failing('malformed'))
    expect(await desk.forms()).toHaveLength(1)
  })

  it('passes tokens solved on a page that is listed, in upper or lower case, and no others', async () => {
    const desk = new Desk(name)
    const listed = siteverify(desk, { hostnames: ['app.example.com', 'www.example.com'] })
    for (const hostname of ['www.example.com', 'App.Example.com']) {
      expect(await listed.verify(await desk.solve({ action: 'login', hostname }), REQUEST)).toEqual(PASSED)
    }
    for (const hostname of ['example.com', 'evil-app.example.com', 'app.example.com.evil.test', '']) {
      const token = await desk.solve({ action: 'login', hostname })
      expect(await listed.verify(token, REQUEST)).toEqual(failing('rejected'))
    }
  })

  it('passes a token solved on any page where none is listed', async () => {
    const desk = new Desk(name)
    const token = await desk.solve({ action: 'login', hostname: 'anywhere.example' })
    expect(await siteverify(desk).verify(token, REQUEST)).toEqual(PASSED)
  })

  it.each(['', 'a secret that the provider does not know'])(
    'that does not know the secret "%s" is a wrong setting, in the answer and in the log',
    async (secret) => {
      const lines = vi.spyOn(console, 'error').mockImplementation(() => undefined)
      const desk = new Desk(name)
      const verifying = siteverify(desk, { secret }).verify(await desk.solve(), REQUEST)
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
    'is out of reach while it is down: %s',
    async (behaviour) => {
      const desk = new Desk(name)
      if (STALLS.includes(behaviour)) hurry(desk, 2)
      const token = await desk.solve()
      await desk.behave(behaviour)
      await expect(siteverify(desk).verify(token, REQUEST)).rejects.toMatchObject(unavailable)
      expect(await desk.forms()).toHaveLength(name === 'turnstile' ? 2 : 1)
    },
  )

  it('is out of reach where nothing listens', async () => {
    const desk = new Desk(name)
    const down = siteverify(desk, { verifyUrl: REFUSED })
    await expect(down.verify(await desk.solve(), REQUEST)).rejects.toMatchObject(unavailable)
    expect(await down.isReachable()).toBe(false)
  })

  it('names neither secret nor token in the fault of an outage', async () => {
    const desk = new Desk(name)
    const token = await desk.solve()
    for (const behaviour of ['hangs up', 'garbage', 'status 500', 'redirects'] as const) {
      await desk.behave(behaviour)
      const fault = await siteverify(desk)
        .verify(token, REQUEST)
        .catch((error: Error) => error.cause)
      expect(fault).toBeInstanceOf(Error)
      expect(String(fault)).not.toMatch(new RegExp(`${SECRET}|${token}`))
    }
  })

  it('may take 4 s for a try', async () => {
    const desk = new Desk(name)
    const asked = hurry(desk, 2)
    await desk.behave('stalls')
    await expect(siteverify(desk).verify(await desk.solve(), REQUEST)).rejects.toMatchObject(unavailable)
    expect(TRY_MS).toBe(4_000)
    expect(asked).toEqual(name === 'turnstile' ? [TRY_MS, TRY_MS] : [TRY_MS])
  })

  it('is reachable while it answers anything, and is asked once', async () => {
    const desk = new Desk(name)
    expect(await siteverify(desk).isReachable()).toBe(true)
    await desk.behave('status 500')
    expect(await siteverify(desk).isReachable()).toBe(false)
    expect(await desk.forms()).toHaveLength(2)
  })
})

describe('turnstile', () => {
  it('is sent the secret, the token, the address and a random key of the attempt', async () => {
    const desk = new Desk()
    const token = await desk.solve()
    await siteverify(desk).verify(token, REQUEST)
    await siteverify(desk).verify(token, REQUEST)
    const [first, second] = await desk.forms()
    const uuid = expect.stringMatching(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
    expect(first).toEqual({ secret: SECRET, response: token, remoteip: '192.0.2.1', idempotency_key: uuid })
    expect(second?.idempotency_key).not.toBe(first?.idempotency_key)
  })

  it.each([
    ['used before', { action: 'login' }, true],
    ['solved 300 s ago', { action: 'login', age_seconds: 300 }, false],
  ])('refuses a token %s, without saying which it is', async (_what, solved, used) => {
    const desk = new Desk()
    const token = await desk.solve(solved)
    if (used) await siteverify(desk).verify(token, REQUEST)
    expect(await siteverify(desk).verify(token, REQUEST)).toEqual(failing('expired', 'already_used'))
  })

  it.each([
    ['another action', { action: 'register' }],
    ['no action', {}],
  ])('refuses a token of %s', async (_what, solved) => {
    const desk = new Desk()
    expect(await siteverify(desk).verify(await desk.solve(solved), REQUEST)).toEqual(failing('wrong_action'))
  })

  it('refuses a token whose answer leaves out what it was solved for', async () => {
    const answer = Response.json({ success: true, hostname: 'localhost', 'error-codes': [] })
    vi.spyOn(globalThis, 'fetch').mockResolvedValue(answer)
    expect(await siteverify(new Desk()).verify('0.a-token', REQUEST)).toEqual(failing('wrong_action'))
  })

  it('names at once all that is wrong with a token', async () => {
    const desk = new Desk()
    const token = await desk.solve({ action: 'register', hostname: 'evil.example' })
    const listed = siteverify(desk, { hostnames: ['app.example.com'] })
    expect(await listed.verify(token, REQUEST)).toEqual(failing('wrong_action', 'rejected'))
  })

  it.each(OUTAGES)(
    'is asked once more, under the same key, after a try that failed: %s',
    async (behaviour) => {
      const desk = new Desk()
      if (STALLS.includes(behaviour)) hurry(desk, 1)
      const token = await desk.solve()
      await desk.behave(behaviour, 'right')
      expect(await siteverify(desk).verify(token, REQUEST)).toEqual(PASSED)
      const keys = (await desk.forms()).map(({ idempotency_key }) => idempotency_key)
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
    'with the published test secret %s judges %s as documented (Turnstile, "Testing"), wherever it was solved',
    async (secret, token, expected) => {
      const testing = siteverify(new Desk(), { secret, testing: true, hostnames: ['app.example.com'] })
      expect(await testing.verify(token, REQUEST)).toEqual(expected)
    },
  )

  it.each([
    ['action', { action: 'register' }, 'wrong_action'],
    ['host', { action: 'login', hostname: 'evil.example' }, 'rejected'],
  ])(
    'with a test secret still refuses another %s, where the answer names one',
    async (_what, solved, reason) => {
      const desk = new Desk()
      const testing = siteverify(desk, { testing: true, hostnames: ['app.example.com', 'localhost'] })
      expect(await testing.verify(await desk.solve(solved), REQUEST)).toEqual(failing(reason))
    },
  )

  it('with a secret of its own refuses the published dummy token', async () => {
    const desk = new Desk()
    expect(await siteverify(desk).verify('XXXX.DUMMY.TOKEN.XXXX', REQUEST)).toEqual(failing('rejected'))
  })
})

describe('hcaptcha', () => {
  it('is sent the secret, the token, the address and the site key', async () => {
    const desk = new Desk('hcaptcha')
    const token = await desk.solve()
    await siteverify(desk).verify(token, REQUEST)
    expect(await desk.forms()).toEqual([
      { secret: SECRET, response: token, remoteip: '192.0.2.1', sitekey: SITE_KEY },
    ])
  })

  it('names a token that was used, and one that has expired', async () => {
    const desk = new Desk('hcaptcha')
    const token = await desk.solve()
    await siteverify(desk).verify(token, REQUEST)
    expect(await siteverify(desk).verify(token, REQUEST)).toEqual(failing('already_used'))
    const late = await desk.solve({ age_seconds: 120 })
    expect(await siteverify(desk).verify(late, REQUEST)).toEqual(failing('expired'))
  })

  it('is not asked again: the token may be used up', async () => {
    const desk = new Desk('hcaptcha')
    await desk.behave('lost', 'right')
    await expect(siteverify(desk).verify(await desk.solve(), REQUEST)).rejects.toMatchObject(unavailable)
    expect(await desk.forms()).toHaveLength(1)
  })

  it('that knows the site key, or the token, by another secret refuses it, and the log says so', async () => {
    const lines = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const desk = new Desk('hcaptcha')
    const ours = siteverify(desk, { siteKey: 'of another' })
    expect(await ours.verify(await desk.solve(), REQUEST)).toEqual(failing('rejected'))
    const theirs = await desk.solve({ site_key: 'of another' })
    expect(await siteverify(desk).verify(theirs, REQUEST)).toEqual(failing('rejected'))
    expect(lines.mock.calls.join()).toContain('challenge_site_key_mismatch')
    expect(lines).toHaveBeenCalledTimes(2)
  })

  it.each([
    ['10000000-aaaa-bbbb-cccc-000000000001', PASSED],
    ['P1_a-real-one', failing('rejected')],
  ])(
    'with the published test secret judges %s as documented (hCaptcha, "Test Key Set")',
    async (token, expected) => {
      const secret = '0x0000000000000000000000000000000000000000'
      const desk = new Desk('hcaptcha')
      const testing = siteverify(desk, { secret, testing: true, hostnames: ['app.example.com'] })
      expect(await testing.verify(token, REQUEST)).toEqual(expected)
    },
  )
})

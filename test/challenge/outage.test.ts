import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ChallengeRequest } from '../../src/challenge/challenge.ts'
import { FallbackProvider } from '../../src/challenge/fallback.ts'
import { deriveChallengeKeys, ProofOfWork } from '../../src/challenge/proof-of-work.ts'
import { Siteverify } from '../../src/challenge/siteverify.ts'
import { FROZEN_MS, requestAt } from '../support/clock.ts'
import { SECRET, SITE_KEY } from '../support/fake-provider/protocol.ts'
import { FakeProvider } from '../support/fake-provider.ts'
import { solve, work } from '../support/solver.ts'

const REQUEST: ChallengeRequest = { action: 'login', requesterCounter: 'a requester', address: '192.0.2.1' }
const TURNSTILE = { provider: 'turnstile', action: 'login', site_key: SITE_KEY }
const PASSED = { solved: true, challenge: null }
const NOT_VERIFIED = { solved: false, reasons: [] }

let lines: string[] = []
beforeEach(() => {
  lines = []
  for (const level of ['warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(line))
  }
})
afterEach(() => vi.restoreAllMocks())

const proofOfWork = new ProofOfWork(() =>
  deriveChallengeKeys('a secret of the tests, long enough', undefined),
)

const siteverify = (fake: FakeProvider, secret = SECRET) => new Siteverify(fake.config({ secret }))

describe('FallbackProvider', () => {
  const fallback = (fake: FakeProvider, secret?: string) =>
    new FallbackProvider(siteverify(fake, secret), proofOfWork)
  /** A provider that was unavailable a moment ago and is available again. */
  const afterOutage = async () => {
    const fake = new FakeProvider()
    const token = await fake.solve()
    const provider = fallback(fake)
    await fake.behave('status 500')
    await provider.verify(token, REQUEST, FROZEN_MS)
    await fake.behave('right')
    return { fake, token, provider }
  }

  it('issues and accepts the challenge of the provider while the provider is available', async () => {
    const fake = new FakeProvider()
    const provider = fallback(fake)
    expect(await provider.issue(REQUEST, 0, requestAt())).toEqual(TURNSTILE)
    expect(await provider.verify(await fake.solve(), REQUEST, FROZEN_MS)).toEqual(PASSED)
    expect(lines).toEqual([])
  })

  it('detects an outage before a token is sent, and issues a proof of work of the requested difficulty', async () => {
    const fake = new FakeProvider()
    await fake.behave('hangs up')
    const challenge = await fallback(fake).issue(REQUEST, 2, requestAt())
    expect(challenge).toMatchObject({
      provider: 'altcha',
      action: 'login',
      parameters: { parameters: { data: { level: 2 } } },
    })
  })

  it('rejects without reasons a token that cannot be verified during an outage, and issues a proof of work', async () => {
    const fake = new FakeProvider()
    const token = await fake.solve()
    await fake.behave('status 500')
    const provider = fallback(fake)
    expect(await provider.verify(token, REQUEST, FROZEN_MS)).toEqual(NOT_VERIFIED)
    expect(await provider.issue(REQUEST, 0, requestAt())).toMatchObject({ provider: 'altcha' })
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'warn', event: 'challenge_unavailable', instead: 'altcha' }),
    ])
    expect(lines.join()).not.toContain(token)
  })

  it('skips an unavailable provider for 30 s, and then uses it again', async () => {
    const { fake, token, provider } = await afterOutage()
    const requests = (await fake.forms()).length
    expect(await provider.issue(REQUEST, 0, requestAt(FROZEN_MS + 19_999))).toMatchObject({
      provider: 'altcha',
    })
    expect(await provider.verify(token, REQUEST, FROZEN_MS + 29_999)).toEqual(NOT_VERIFIED)
    expect(await fake.forms()).toHaveLength(requests)
    expect(await provider.issue(REQUEST, 0, requestAt(FROZEN_MS + 30_000))).toEqual(TURNSTILE)
    expect(await provider.verify(token, REQUEST, FROZEN_MS + 30_000)).toEqual(PASSED)
  })

  it('probes the provider in the background after 20 s, once for any number of concurrent requests', async () => {
    const { fake, provider } = await afterOutage()
    const requests = (await fake.forms()).length
    const request = requestAt(FROZEN_MS + 20_000)
    const all = await Promise.all([1, 2, 3, 4].map(() => provider.issue(REQUEST, 0, request)))
    for (const challenge of all) expect(challenge).toMatchObject({ provider: 'altcha' })
    await request.finish()
    expect(await fake.forms()).toHaveLength(requests + 1)
    expect(await provider.issue(REQUEST, 0, request)).toEqual(TURNSTILE)
  })

  it('probes the provider itself if the request that probes it was cancelled', async () => {
    const { provider } = await afterOutage()
    const probe = vi.spyOn(globalThis, 'fetch').mockImplementationOnce(() => new Promise(() => undefined))
    void provider.issue(REQUEST, 0, requestAt(FROZEN_MS + 30_000))
    expect(probe).toHaveBeenCalledTimes(1)
    expect(await provider.issue(REQUEST, 0, requestAt(FROZEN_MS + 30_000))).toEqual(TURNSTILE)
  })

  it('uses the outcome of the later of two concurrent requests, in any order of completion', async () => {
    const fake = new FakeProvider()
    const provider = fallback(fake)
    await fake.behave('right')
    await provider.verify('0.a-guess', REQUEST, FROZEN_MS + 1)
    await fake.behave('status 500')
    await provider.verify('0.a-guess', REQUEST, FROZEN_MS)
    expect(await provider.issue(REQUEST, 0, requestAt(FROZEN_MS + 2))).toEqual(TURNSTILE)
  })

  it('skips the probe of a provider that has just verified a token', async () => {
    const fake = new FakeProvider()
    const provider = fallback(fake)
    await provider.verify('0.a-guess', REQUEST, FROZEN_MS)
    await provider.issue(REQUEST, 0, requestAt(FROZEN_MS + 19_999))
    expect(await fake.forms()).toHaveLength(1)
  })

  it('accepts a proof of work that it issued, even after the provider is available again', async () => {
    const fake = new FakeProvider()
    await fake.behave('status 500')
    const provider = fallback(fake)
    const challenge = await provider.issue(REQUEST, 0, requestAt())
    const solved = await solve(challenge)
    await fake.behave('right')
    expect(await provider.issue(REQUEST, 0, requestAt(FROZEN_MS + 30_000))).toEqual(TURNSTILE)
    const expected = { nonce: expect.any(String), expiresAtMs: FROZEN_MS + 300_000, difficulty: 0 }
    expect(await provider.verify(solved, REQUEST, FROZEN_MS + 30_000)).toEqual({
      solved: true,
      challenge: expected,
    })
  })

  it('rejects a proof of work that it did not issue, without a request to the provider', async () => {
    const fake = new FakeProvider()
    const elsewhere = new ProofOfWork(() =>
      deriveChallengeKeys('of another service, long enough too', undefined),
    )
    const { challenge, solution } = await work(await elsewhere.issue(REQUEST, 0, requestAt()))
    const solved = btoa(JSON.stringify({ challenge, solution }))
    const verification = await fallback(fake).verify(solved, REQUEST, FROZEN_MS)
    expect(verification).toEqual({ solved: false, reasons: ['rejected'] })
    expect(await fake.forms()).toEqual([])
  })

  it('reports a wrong secret as misconfigured instead of falling back to proof of work', async () => {
    const provider = fallback(new FakeProvider(), 'another secret')
    await expect(provider.verify('0.a-guess', REQUEST, FROZEN_MS)).rejects.toMatchObject({
      code: 'misconfigured',
    })
  })
})

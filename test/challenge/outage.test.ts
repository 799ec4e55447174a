import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ChallengeRequest } from '../../src/challenge/challenge.ts'
import { Fallback } from '../../src/challenge/fallback.ts'
import { deriveChallengeKeys, ProofOfWork } from '../../src/challenge/proof-of-work.ts'
import { Siteverify } from '../../src/challenge/siteverify.ts'
import { FROZEN_MS } from '../support/clock.ts'
import { Desk } from '../support/desk.ts'
import { solve, work } from '../support/solver.ts'
import { SECRET, SITE_KEY } from '../support/stand-in/protocol.ts'

const REQUEST: ChallengeRequest = { action: 'login', client: 'a client', address: '192.0.2.1' }
const TURNSTILE = { provider: 'turnstile', action: 'login', site_key: SITE_KEY }
const PASSED = { solved: true, claim: null }
const NOT_JUDGED = { solved: false, reasons: [] }

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

const siteverify = (desk: Desk, secret = SECRET) => new Siteverify(desk.config({ secret }))

describe('falling back', () => {
  const fallback = (desk: Desk, secret?: string) => new Fallback(siteverify(desk, secret), proofOfWork)
  /** Seen out of reach a moment ago, and back since. */
  const afterOutage = async () => {
    const desk = new Desk()
    const token = await desk.solve()
    const provider = fallback(desk)
    await desk.behave('status 500')
    await provider.verify(token, REQUEST, FROZEN_MS)
    await desk.behave('right')
    return { desk, token, provider }
  }

  it('asks for what the provider has while that is in reach, and takes it', async () => {
    const desk = new Desk()
    const provider = fallback(desk)
    expect(await provider.describe(REQUEST, 0, FROZEN_MS)).toEqual(TURNSTILE)
    expect(await provider.verify(await desk.solve(), REQUEST, FROZEN_MS)).toEqual(PASSED)
    expect(lines).toEqual([])
  })

  it('finds an outage before anybody has a token to send, and asks for work of the price asked', async () => {
    const desk = new Desk()
    await desk.behave('hangs up')
    const challenge = await fallback(desk).describe(REQUEST, 2, FROZEN_MS)
    expect(challenge).toMatchObject({
      provider: 'altcha',
      action: 'login',
      parameters: { parameters: { data: { level: 2 } } },
    })
  })

  it('lets no token pass that nobody could judge, blames it for nothing, and asks for work', async () => {
    const desk = new Desk()
    const token = await desk.solve()
    await desk.behave('status 500')
    const provider = fallback(desk)
    expect(await provider.verify(token, REQUEST, FROZEN_MS)).toEqual(NOT_JUDGED)
    expect(await provider.describe(REQUEST, 0, FROZEN_MS)).toMatchObject({ provider: 'altcha' })
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'warn', event: 'challenge_unavailable', instead: 'altcha' }),
    ])
    expect(lines.join()).not.toContain(token)
  })

  it('leaves the provider alone for 30 s once it was out of reach, and then goes back to it', async () => {
    const { desk, token, provider } = await afterOutage()
    const asked = (await desk.forms()).length
    expect(await provider.describe(REQUEST, 0, FROZEN_MS + 29_999)).toMatchObject({ provider: 'altcha' })
    expect(await provider.verify(token, REQUEST, FROZEN_MS + 29_999)).toEqual(NOT_JUDGED)
    expect(await desk.forms()).toHaveLength(asked)
    expect(await provider.describe(REQUEST, 0, FROZEN_MS + 30_000)).toEqual(TURNSTILE)
    expect(await provider.verify(token, REQUEST, FROZEN_MS + 30_000)).toEqual(PASSED)
  })

  it('asks whether the provider is there once in 30 s, however many want a challenge at once', async () => {
    const desk = new Desk()
    const provider = fallback(desk)
    const at = (nowMs: number) => Promise.all([1, 2, 3, 4].map(() => provider.describe(REQUEST, 0, nowMs)))
    await at(FROZEN_MS)
    await at(FROZEN_MS + 29_999)
    expect(await desk.forms()).toHaveLength(1)
    await at(FROZEN_MS + 30_000)
    expect(await desk.forms()).toHaveLength(2)
  })

  it('goes by what it saw last for 4 s alone where whoever asked has gone away meanwhile', async () => {
    const { provider } = await afterOutage()
    const gone = vi.spyOn(globalThis, 'fetch').mockImplementationOnce(() => new Promise(() => undefined))
    void provider.describe(REQUEST, 0, FROZEN_MS + 30_000)
    expect(gone).toHaveBeenCalledTimes(1)
    expect(await provider.describe(REQUEST, 0, FROZEN_MS + 33_999)).toMatchObject({ provider: 'altcha' })
    expect(await provider.describe(REQUEST, 0, FROZEN_MS + 34_000)).toEqual(TURNSTILE)
  })

  it('goes by the later of two requests, whichever ends first', async () => {
    const desk = new Desk()
    const provider = fallback(desk)
    await desk.behave('right')
    await provider.verify('0.a-guess', REQUEST, FROZEN_MS + 1)
    await desk.behave('status 500')
    await provider.verify('0.a-guess', REQUEST, FROZEN_MS)
    expect(await provider.describe(REQUEST, 0, FROZEN_MS + 2)).toEqual(TURNSTILE)
  })

  it('does not ask whether a provider is there that has just judged a token', async () => {
    const desk = new Desk()
    const provider = fallback(desk)
    await provider.verify('0.a-guess', REQUEST, FROZEN_MS)
    await provider.describe(REQUEST, 0, FROZEN_MS + 29_999)
    expect(await desk.forms()).toHaveLength(1)
  })

  it('keeps to the work that it asked for, also when the provider is back', async () => {
    const desk = new Desk()
    await desk.behave('status 500')
    const provider = fallback(desk)
    const challenge = await provider.describe(REQUEST, 0, FROZEN_MS)
    const answer = await solve(challenge)
    await desk.behave('right')
    expect(await provider.describe(REQUEST, 0, FROZEN_MS + 30_000)).toEqual(TURNSTILE)
    const claim = { nonce: expect.any(String), expiresAtMs: FROZEN_MS + 300_000, level: 0 }
    expect(await provider.verify(answer, REQUEST, FROZEN_MS + 30_000)).toEqual({ solved: true, claim })
  })

  it('refuses work that it did not ask for, without asking the provider', async () => {
    const desk = new Desk()
    const elsewhere = new ProofOfWork(() =>
      deriveChallengeKeys('of another service, long enough too', undefined),
    )
    const { challenge, solution } = await work(await elsewhere.describe(REQUEST, 0, FROZEN_MS))
    const answer = btoa(JSON.stringify({ challenge, solution }))
    const verification = await fallback(desk).verify(answer, REQUEST, FROZEN_MS)
    expect(verification).toEqual({ solved: false, reasons: ['rejected'] })
    expect(await desk.forms()).toEqual([])
  })

  it('lets nobody pass for a secret that is wrong', async () => {
    const provider = fallback(new Desk(), 'another secret')
    await expect(provider.verify('0.a-guess', REQUEST, FROZEN_MS)).rejects.toMatchObject({
      code: 'misconfigured',
    })
  })
})

import { solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ChallengeRequest } from '../../src/challenge/challenge.ts'
import { deriveChallengeKeys, ProofOfWork } from '../../src/challenge/proof-of-work.ts'
import { advance, FROZEN_MS, freeze, requestAt, thaw } from '../support/clock.ts'
import { altchaOf, encode, type Payload, solve, work } from '../support/solver.ts'

beforeEach(() => freeze())
afterEach(thaw)

const SECRET = 'a secret of the tests, long enough'
const OTHER_SECRET = 'another secret of the tests, as long'
const REQUEST: ChallengeRequest = { action: 'login', requesterCounter: 'a requester', address: '192.0.2.1' }

const providerWith = (secret: string, fallback?: string) =>
  new ProofOfWork(() => deriveChallengeKeys(secret, fallback))
const provider = providerWith(SECRET)
const describeNow = (request = REQUEST, issuer = provider, difficulty = 0) =>
  issuer.issue(request, difficulty, requestAt(Date.now()))
const verifyNow = (response: string, request = REQUEST, verifier = provider) =>
  verifier.verify(response, request, Date.now())
const failing = (...reasons: string[]) => ({ solved: false, reasons })

describe('proof-of-work challenge', () => {
  it('issues a signed ALTCHA v2 challenge for PBKDF2 that expires after 300 s', async () => {
    expect(await describeNow()).toEqual({
      provider: 'altcha',
      action: 'login',
      parameters: {
        parameters: {
          algorithm: 'PBKDF2/SHA-256',
          cost: 5_000,
          data: { action: 'login', client: 'a requester', level: 0, secret: expect.any(String) },
          expiresAt: FROZEN_MS / 1000 + 300,
          keyLength: 32,
          keyPrefix: expect.stringMatching(/^[0-9a-f]{32}$/),
          keySignature: expect.stringMatching(/^[0-9a-f]{64}$/),
          nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
          salt: expect.stringMatching(/^[0-9a-f]{32}$/),
        },
        signature: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    })
  })

  it('accepts a solved challenge, and returns the nonce to consume', async () => {
    const challenge = await describeNow()
    expect(await verifyNow(await solve(challenge))).toEqual({
      solved: true,
      challenge: {
        nonce: altchaOf(challenge).parameters.nonce,
        expiresAtMs: FROZEN_MS + 300_000,
        difficulty: 0,
      },
    })
  })

  it('issues a challenge whose solution fits the maximum length', async () => {
    expect(
      (await solve(await describeNow({ ...REQUEST, requesterCounter: 'x'.repeat(43) }))).length,
    ).toBeLessThan(1_500)
  })

  it.each([0, 1, 2, 3, 4])(
    'requires up to 1,000 derivations, twice as many with each step of difficulty: %i',
    async (difficulty) => {
      const random = crypto.getRandomValues.bind(crypto)
      vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) =>
        array instanceof Uint32Array ? array.fill(0xffff_ffff) : random(array),
      )
      const challenge = altchaOf(await describeNow(REQUEST, provider, difficulty))
      vi.restoreAllMocks()
      const most = 1_000 * 2 ** difficulty
      const solution = await solveChallenge({ challenge, deriveKey, counterStart: most - 5 })
      expect(solution?.counter).toBe(most)
    },
  )
})

describe('solution of a proof-of-work challenge', () => {
  let solved: Payload
  beforeAll(async () => {
    freeze()
    solved = await work(await describeNow())
  })

  const changed = (change: (payload: Payload) => void) => {
    const copy = structuredClone(solved)
    change(copy)
    return encode(copy)
  }
  const data = (payload: Payload) => payload.challenge.parameters.data ?? {}

  it.each<[string, (payload: Payload) => void, string]>([
    [
      'with a lower cost',
      ({ challenge }) => {
        challenge.parameters.cost = 1
      },
      'rejected',
    ],
    [
      'with a later expiry',
      ({ challenge }) => {
        challenge.parameters.expiresAt = 9_999_999_999
      },
      'rejected',
    ],
    [
      'with another nonce',
      ({ challenge }) => {
        challenge.parameters.nonce = '00'.repeat(16)
      },
      'rejected',
    ],
    [
      'with an empty prefix',
      ({ challenge }) => {
        challenge.parameters.keyPrefix = ''
      },
      'rejected',
    ],
    [
      'with another key signature',
      ({ challenge }) => {
        challenge.parameters.keySignature = '00'
      },
      'rejected',
    ],
    [
      'for another requester',
      (payload) => {
        data(payload).client = 'another'
      },
      'rejected',
    ],
    [
      'for another action',
      (payload) => {
        data(payload).action = 'register'
      },
      'rejected',
    ],
    [
      'of a higher difficulty',
      (payload) => {
        data(payload).level = 4
      },
      'rejected',
    ],
    [
      'under an unknown secret',
      (payload) => {
        data(payload).secret = 'AAAAAA'
      },
      'rejected',
    ],
    [
      'under an invalid secret id',
      (payload) => {
        data(payload).secret = ''
      },
      'rejected',
    ],
    [
      'with another signature',
      ({ challenge }) => {
        challenge.signature = '00'.repeat(32)
      },
      'rejected',
    ],
    [
      'with no signature',
      ({ challenge }) => {
        challenge.signature = ''
      },
      'rejected',
    ],
    [
      'with more data than was signed',
      (payload) => {
        Object.assign(data(payload), { x: 1 })
      },
      'malformed',
    ],
    [
      'with an extra parameter',
      ({ challenge }) => {
        Object.assign(challenge.parameters, { x: 1 })
      },
      'rejected',
    ],
    [
      'with another key',
      ({ solution }) => {
        solution.derivedKey = '00'.repeat(32)
      },
      'unsolved',
    ],
    [
      'with a truncated key',
      ({ solution }) => {
        solution.derivedKey = solution.derivedKey.slice(0, 32)
      },
      'unsolved',
    ],
    [
      'with an upper-case key',
      ({ solution }) => {
        solution.derivedKey = 'AA'
      },
      'unsolved',
    ],
    [
      'with no key',
      ({ solution }) => {
        solution.derivedKey = ''
      },
      'unsolved',
    ],
    [
      'with a fractional counter',
      ({ solution }) => {
        solution.counter = 0.5
      },
      'unsolved',
    ],
    [
      'with a counter below 0',
      ({ solution }) => {
        solution.counter = -1
      },
      'unsolved',
    ],
  ])('rejects a solution %s', async (_what, change, reason) => {
    expect(await verifyNow(changed(change))).toEqual(failing(reason))
  })

  it.each<[string, () => string]>([
    ['an empty string', () => ''],
    ['not base64', () => '%%%'],
    ['base64 of invalid JSON', () => btoa('{')],
    ['JSON of another shape', () => encode({ challenge: solved.challenge })],
    ['null', () => btoa('null')],
    ['an array', () => btoa('[]')],
    ['a challenge without parameters', () => encode({ ...solved, challenge: { signature: 'x' } })],
    [
      'parameters without data',
      () =>
        changed(({ challenge }) => {
          delete challenge.parameters.data
        }),
    ],
    [
      'parameters without an expiry',
      () =>
        changed(({ challenge }) => {
          delete challenge.parameters.expiresAt
        }),
    ],
    [
      'an expiry that is text',
      () => changed(({ challenge }) => Object.assign(challenge.parameters, { expiresAt: '9' })),
    ],
    ['a counter that is text', () => changed(({ solution }) => Object.assign(solution, { counter: '1' }))],
    ['more than 4,096 characters', () => `${encode(solved)}${' '.repeat(4_096)}`],
    [
      'a v1 payload',
      () => encode({ algorithm: 'SHA-256', challenge: 'x', number: 1, salt: 'x', signature: 'x' }),
    ],
    ['a provider token', () => 'XXXX.DUMMY.TOKEN.XXXX'],
  ])('rejects a malformed solution: %s', async (_what, make) => {
    expect(await verifyNow(make())).toEqual(failing('malformed'))
  })

  it('rejects a solution after 300 s as expired', async () => {
    advance(299)
    expect(await verifyNow(encode(solved))).toMatchObject({ solved: true })
    advance(1)
    expect(await verifyNow(encode(solved))).toEqual(failing('expired'))
  })

  it('rejects a solution that expires while its request waits', async () => {
    const startedAtMs = Date.now()
    advance(301)
    expect(await provider.verify(encode(solved), REQUEST, startedAtMs)).toEqual(failing('expired'))
  })

  it('rejects a solution for another action or requester, and names both reasons at once', async () => {
    const response = encode(solved)
    expect(await verifyNow(response, { ...REQUEST, action: 'register' })).toEqual(failing('wrong_action'))
    expect(await verifyNow(response, { ...REQUEST, requesterCounter: 'another' })).toEqual(
      failing('wrong_client'),
    )
    const other: ChallengeRequest = { ...REQUEST, action: 'register', requesterCounter: 'another' }
    expect(await verifyNow(response, other)).toEqual(failing('wrong_action', 'wrong_client'))
  })

  it('rejects a solution to a challenge of another service', async () => {
    const response = await solve(await describeNow(REQUEST, providerWith(OTHER_SECRET)))
    expect(await verifyNow(response)).toEqual(failing('rejected'))
  })

  it('accepts a solution under the fallback secret during rotation', async () => {
    const replacing = providerWith(OTHER_SECRET, SECRET)
    expect(await verifyNow(encode(solved), REQUEST, replacing)).toMatchObject({ solved: true })
  })
})

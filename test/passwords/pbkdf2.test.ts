import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Bytes, utf8 } from '../../src/crypto/bytes.ts'
import {
  CURRENT_ITERATIONS,
  CURRENT_ROUNDS,
  derive,
  derivePepper,
  hashPassword,
  verifyDecoy,
  verifyPassword,
} from '../../src/passwords/pbkdf2.ts'
import { formatPhc, MAX_ITERATIONS_PER_CALL, type PasswordHash } from '../../src/passwords/phc.ts'
import { toHex } from '../support/hex.ts'
import { PBKDF2_HMAC_SHA256 } from '../vectors/rfc.ts'

afterEach(() => vi.restoreAllMocks())

const PASSWORD = 'correct horse battery staple'
const SALT = utf8('a salt of tests!')

/** A stored hash with parameters other than the current ones. */
async function stored(parameters: Partial<PasswordHash> = {}, input = utf8(PASSWORD)): Promise<string> {
  const { iterations = 1_000, rounds = 1, salt = SALT, pepperId = null } = parameters
  let hash: Bytes = input
  for (let round = 0; round < rounds; round++) hash = await derive(hash, salt, iterations)
  return formatPhc({ iterations, rounds, salt, pepperId, hash })
}

/** The iterations of each PBKDF2 call that the work makes. */
async function iterationsOf(work: () => Promise<unknown>): Promise<number[]> {
  const deriveBits = vi.spyOn(crypto.subtle, 'deriveBits')
  await work()
  return deriveBits.mock.calls.map(([algorithm]) => Number(Object(algorithm).iterations))
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

describe('derive', () => {
  it.each(PBKDF2_HMAC_SHA256)(
    'derives PBKDF2-HMAC-SHA-256 as in RFC 7914 section 11: $password, $iterations iterations',
    async ({ password, salt, iterations, hex }) => {
      expect(toHex(await derive(utf8(password), utf8(salt), iterations))).toBe(hex)
    },
  )

  it('throws above the iteration limit of production, which the local runtime does not enforce', async () => {
    await expect(derive(utf8('x'), SALT, MAX_ITERATIONS_PER_CALL + 1)).rejects.toThrow(RangeError)
  })
})

describe('current parameters', () => {
  it("uses OWASP's 600,000 iterations, with at most 100,000 per call", () => {
    expect(CURRENT_ITERATIONS * CURRENT_ROUNDS).toBe(600_000)
    expect(CURRENT_ITERATIONS).toBeLessThanOrEqual(100_000)
  })

  it('chains the rounds: each derives from the output of the previous one', async () => {
    const phc = await stored({ iterations: 1_000, rounds: 3 })
    const first = await derive(utf8(PASSWORD), SALT, 1_000)
    const second = await derive(first, SALT, 1_000)
    const hash = await derive(second, SALT, 1_000)
    expect(formatPhc({ iterations: 1_000, rounds: 3, salt: SALT, pepperId: null, hash })).toBe(phc)
    expect(await verifyPassword(PASSWORD, phc, null)).toMatchObject({ match: true })
  })
})

describe('stored password', () => {
  it('verifies only the exact password', async () => {
    const phc = await hashPassword(PASSWORD, null)
    expect(await verifyPassword(PASSWORD, phc, null)).toEqual({ match: true, needsRehash: false })
    for (const wrong of [`${PASSWORD} `, PASSWORD.toUpperCase(), PASSWORD.slice(1), '']) {
      expect(await verifyPassword(wrong, phc, null)).toEqual({ match: false, needsRehash: false })
    }
  })

  it('verifies a password in any form that NFC normalizes to the same text', async () => {
    const phc = await hashPassword('caf\u00e9 \u1e69 au lait', null)
    expect(await verifyPassword('cafe\u0301 s\u0307\u0323 au lait', phc, null)).toMatchObject({ match: true })
    expect(await verifyPassword('café ṩ au\u00a0lait', phc, null)).toMatchObject({ match: false })
  })

  it('salts each hash: one password gives two different hashes', async () => {
    expect(await hashPassword(PASSWORD, null)).not.toBe(await hashPassword(PASSWORD, null))
  })

  it.each([
    ['fewer iterations', { iterations: 50_000, rounds: 6 }],
    ['fewer rounds', { iterations: 100_000, rounds: 5 }],
    ['more rounds', { iterations: 100_000, rounds: 7 }],
    ['another salt length', { iterations: 100_000, rounds: 6, salt: utf8('a short salt') }],
  ])('requires a rehash of a hash with %s', async (_what, parameters) => {
    const phc = await stored(parameters)
    expect(await verifyPassword(PASSWORD, phc, null)).toEqual({ match: true, needsRehash: true })
  })
})

describe('work of a verification', () => {
  it.each([
    ['the current parameters', { iterations: 100_000, rounds: 6 }],
    ['one short round', { iterations: 1_000, rounds: 1 }],
    ['plain PBKDF2 at the limit', { iterations: 100_000, rounds: 1 }],
    ['an uneven remainder', { iterations: 70_001, rounds: 3 }],
  ])('performs the same work for a hash with %s, also for a wrong password', async (_what, parameters) => {
    const phc = await stored(parameters)
    for (const password of [PASSWORD, 'not the password']) {
      const iterations = await iterationsOf(() => verifyPassword(password, phc, null))
      expect(sum(iterations)).toBe(600_000)
      expect(Math.max(...iterations)).toBeLessThanOrEqual(MAX_ITERATIONS_PER_CALL)
      vi.restoreAllMocks()
    }
  })

  it('performs the same work for a missing account and for an unusable stored hash', async () => {
    expect(sum(await iterationsOf(() => verifyDecoy(PASSWORD, null)))).toBe(600_000)
    vi.restoreAllMocks()
    expect(sum(await iterationsOf(() => verifyPassword(PASSWORD, 'damaged', null)))).toBe(600_000)
  })
})

describe('pepper', () => {
  const pepper = () => derivePepper('a pepper of the tests, long enough')

  it('applies the pepper before the derivation, and stores its id', async () => {
    const { id, key } = await pepper()
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(PASSWORD)))
    const phc = await stored({ pepperId: id }, mac)
    expect(phc).toContain(`,k=${id}$`)
    expect(await verifyPassword(PASSWORD, phc, await pepper())).toMatchObject({ match: true })
    const bare = await stored({ pepperId: id })
    expect(await verifyPassword(PASSWORD, bare, await pepper())).toMatchObject({ match: false })
  })

  it('reports an unknown pepper if the pepper is another or missing, after the same work', async () => {
    const phc = await hashPassword(PASSWORD, await pepper())
    const other = await derivePepper('another pepper of the tests, long enough')
    for (const wrong of [other, null]) {
      const iterations = await iterationsOf(async () => {
        expect(await verifyPassword(PASSWORD, phc, wrong)).toEqual({ unusable: 'unknown_pepper' })
      })
      expect(sum(iterations)).toBe(600_000)
      vi.restoreAllMocks()
    }
  })

  it('verifies a hash without pepper, and requires a rehash of it', async () => {
    const phc = await hashPassword(PASSWORD, null)
    expect(await verifyPassword(PASSWORD, phc, await pepper())).toEqual({ match: true, needsRehash: true })
  })

  it('derives a short pepper id and a key that cannot be extracted', async () => {
    const { id, key } = await pepper()
    expect(id).toMatch(/^[A-Za-z0-9_-]{6}$/)
    expect(key.extractable).toBe(false)
  })
})

/**
 * The built-in challenge: ALTCHA v2 proof of work, with altcha-lib. The work is a number of PBKDF2 derivations, which every
 * browser supports natively. It needs no account, no network and no third party. It makes attempts cost work; it does not
 * distinguish humans from machines.
 */
import { createChallenge, randomInt, verifySolution } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2'
import * as z from 'zod/mini'
import { fromBase64Url, hkdf, toBase64Url } from '../crypto/bytes.ts'
import { derivePurposeKeys, type PurposeKeys } from '../crypto/secrets.ts'
import type { CacheContext } from '../runtime/isolate-cache.ts'
import type {
  Challenge,
  ChallengeFailure,
  ChallengeProvider,
  ChallengeRequest,
  Verification,
} from './challenge.ts'

const LIFETIME_SECONDS = 300
const MAX_RESPONSE_LENGTH = 4_096
/** PBKDF2 iterations of one derivation. */
const COST = 5_000
/**
 * The average number of derivations at difficulty 0. Each further step doubles it. They are 2.5 million iterations, which one
 * thread of a mid-range phone runs in about a second, and at the highest difficulty in about 16 seconds.
 */
const AVERAGE_DERIVATIONS = 500

const responseSchema = z.object({
  challenge: z.object({
    signature: z.string(),
    parameters: z.looseObject({
      algorithm: z.string(),
      nonce: z.string(),
      salt: z.string(),
      cost: z.number(),
      keyLength: z.number(),
      keyPrefix: z.string(),
      keySignature: z.string(),
      expiresAt: z.number(),
      // On the wire: `client` is the requester, `level` the difficulty.
      data: z.strictObject({ action: z.string(), client: z.string(), level: z.number(), secret: z.string() }),
    }),
  }),
  solution: z.object({ counter: z.number(), derivedKey: z.string() }),
})
type ChallengeResponse = z.infer<typeof responseSchema>

interface SigningSecrets {
  readonly hmacSignatureSecret: string
  readonly hmacKeySignatureSecret: string
}

/** @param fallback AUTH_SECRET_FALLBACK, which is also accepted */
export function deriveChallengeKeys(
  authSecret: string,
  fallback: string | undefined,
): Promise<PurposeKeys<SigningSecrets>> {
  return derivePurposeKeys(authSecret, fallback, 'gatehouse proof of work v1', async (secret, purpose) => ({
    hmacSignatureSecret: toBase64Url(await hkdf(secret, `${purpose} challenge`, 32)),
    hmacKeySignatureSecret: toBase64Url(await hkdf(secret, `${purpose} solution`, 32)),
  }))
}

export class ProofOfWork implements ChallengeProvider {
  readonly #keys: () => Promise<PurposeKeys<SigningSecrets>>

  constructor(keys: () => Promise<PurposeKeys<SigningSecrets>>) {
    this.#keys = keys
  }

  async issue(
    { action, requesterCounter }: ChallengeRequest,
    difficulty: number,
    { nowMs }: CacheContext,
  ): Promise<Challenge> {
    const { current } = await this.#keys()
    const parameters = await createChallenge({
      algorithm: 'PBKDF2/SHA-256',
      cost: COST,
      counter: randomInt(2 * AVERAGE_DERIVATIONS * 2 ** difficulty),
      data: { action, client: requesterCounter, level: difficulty, secret: toBase64Url(current.secretId) },
      expiresAt: Math.floor(nowMs / 1000) + LIFETIME_SECONDS,
      deriveKey,
      ...current.key,
    })
    return { provider: 'altcha', action, parameters }
  }

  async verify(text: string, request: ChallengeRequest, nowMs: number): Promise<Verification> {
    const response = parseResponse(text)
    if (response === null) return { solved: false, reasons: ['malformed'] }
    const reasons = await this.#failures(response, request, nowMs)
    if (reasons.length > 0) return { solved: false, reasons }
    const { nonce, expiresAt, data } = response.challenge.parameters
    return { solved: true, challenge: { nonce, expiresAtMs: expiresAt * 1000, difficulty: data.level } }
  }

  async #failures(
    { challenge, solution }: ChallengeResponse,
    request: ChallengeRequest,
    nowMs: number,
  ): Promise<readonly ChallengeFailure[]> {
    const { data, expiresAt } = challenge.parameters
    const key = (await this.#keys()).find(fromBase64Url(data.secret) ?? new Uint8Array())?.key
    if (key === undefined) return ['rejected']
    if (nowMs >= expiresAt * 1000) return ['expired']
    const result = await verifySolution({ challenge, solution, deriveKey, ...key })
    if (result.expired) return ['expired']
    if (result.invalidSignature === true) return ['rejected']
    const failures: readonly (readonly [boolean, ChallengeFailure])[] = [
      [data.action !== request.action, 'wrong_action'],
      [data.client !== request.requesterCounter, 'wrong_client'],
      [result.invalidSolution === true, 'unsolved'],
    ]
    return failures.filter(([fails]) => fails).map(([, reason]) => reason)
  }
}

function parseResponse(text: string): ChallengeResponse | null {
  if (text.length > MAX_RESPONSE_LENGTH) return null
  try {
    return responseSchema.safeParse(JSON.parse(atob(text))).data ?? null
  } catch {
    return null
  }
}

/**
 * The key set as one isolate knows it: loaded from D1, kept for a minute, made on first use. Results are shared
 * between requests, promises are not: a request that is cancelled must not leave others waiting for its I/O.
 */
import { importJWK, type JWK } from 'jose'
import type { PurposeKeys } from '../crypto/secrets.ts'
import { orUnavailable, ServiceError } from '../errors/service-error.ts'
import { describeError, log } from '../runtime/log.ts'
import {
  firstKeys,
  type Schedule,
  type SchedulePolicy,
  STALE_KEYS_SECONDS,
  scheduleAt,
} from './key-schedule.ts'
import {
  deriveSealKeys,
  insertFirstKeys,
  listKeys,
  makeKey,
  resealKey,
  type StoredKey,
  type StoredKeys,
  unsealPrivateJwk,
} from './signing-key-store.ts'

const RELOAD_AFTER_MS = 60_000
/** A token with an unknown `kid` makes the isolate read the keys again at most this often. */
const UNKNOWN_KID_COOLDOWN_MS = 10_000

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
}

export type VerificationKey = Pick<StoredKey, 'alg' | 'publicKey'>

interface Loaded {
  readonly keys: readonly StoredKey[]
  readonly loadedAtMs: number
}

export class SigningKeys {
  readonly policy: SchedulePolicy
  readonly #db: D1Database
  readonly #deriveSealKeys: () => Promise<PurposeKeys>
  /** By key id; null for one that was found sealed for good, until the keys are read again. */
  readonly #privateKeys = new Map<string, CryptoKey | null>()
  #sealKeys: PurposeKeys | null = null
  #loaded: Loaded | null = null
  /** How often the keys were changed here: a read that a change overtook is not kept. */
  #changes = 0
  #askedForUnknownAtMs = 0

  constructor(
    db: D1Database,
    policy: SchedulePolicy,
    secrets: { authSecret: string; authSecretFallback: string | undefined },
  ) {
    this.#db = db
    this.policy = policy
    this.#deriveSealKeys = () => deriveSealKeys(secrets.authSecret, secrets.authSecretFallback)
  }

  /**
   * The key that signs now. Where it cannot be unsealed, the next one, which is published already; else one of before.
   * @throws {ServiceError} `misconfigured` where no key can be unsealed; `unavailable` where D1 is out of reach
   */
  async signing(nowMs: number): Promise<SigningKey> {
    for (const key of publishedKeys(await this.#schedule(nowMs))) {
      const privateKey = await this.#privateKey(key)
      if (privateKey !== null) return { kid: key.kid, alg: key.alg, privateKey }
    }
    throw noKey('no signing key is there that AUTH_SECRET unseals')
  }

  /** @returns the key to verify with, or null for a `kid` that is not, or no longer, of this service. */
  async verification(kid: string, nowMs: number): Promise<VerificationKey | null> {
    const known = await this.#find(kid, nowMs)
    if (known !== null) return known
    const readAtMs = Math.max(this.#loaded?.loadedAtMs ?? 0, this.#askedForUnknownAtMs)
    if (nowMs - readAtMs < UNKNOWN_KID_COOLDOWN_MS) return null
    this.#askedForUnknownAtMs = nowMs
    await this.#load(nowMs)
    return this.#find(kid, nowMs)
  }

  /** The public keys that verify, or will: the JWKS (RFC 7517). @throws {ServiceError} `misconfigured`, `unavailable` */
  async published(nowMs: number): Promise<readonly JWK[]> {
    const keys = publishedKeys(await this.#schedule(nowMs))
    if (keys.length === 0) throw noKey('no signing key is there that can be read')
    return keys.map(({ publicJwk, kid, alg }) => ({ ...publicJwk, kid, alg, use: 'sig' }))
  }

  /**
   * The keys as D1 has them, made where there is none; in force in this isolate at once.
   * @throws {ServiceError} `unavailable`
   */
  latest(nowMs: number): Promise<StoredKeys> {
    return this.#load(nowMs)
  }

  /** Forgets what was read, since it was changed: nothing goes on with it, even where D1 is out of reach from now on. */
  forget(): void {
    this.#loaded = null
    this.#changes += 1
  }

  /** Whether a key can be used to sign: one of the known secrets unseals it. */
  async canSign(key: StoredKey): Promise<boolean> {
    return (await this.#privateKey(key)) !== null
  }

  /** Makes a key, sealed under the current secret. */
  async make(alg: string, signsFrom: number, now: number): Promise<StoredKey> {
    return makeKey({ alg, signsFrom, createdAt: now }, await this.#seal())
  }

  /** @returns the key sealed under the current secret, or null where it is already, or no known secret unseals it. */
  async reseal(key: StoredKey): Promise<StoredKey | null> {
    return resealKey(key, await this.#seal())
  }

  async #find(kid: string, nowMs: number): Promise<VerificationKey | null> {
    return publishedKeys(await this.#schedule(nowMs)).find((key) => key.kid === kid) ?? null
  }

  async #schedule(nowMs: number): Promise<Schedule<StoredKey>> {
    return scheduleAt(await this.#keys(nowMs), toSeconds(nowMs), this.policy)
  }

  async #keys(nowMs: number): Promise<readonly StoredKey[]> {
    const loaded = this.#loaded
    if (loaded === null) return (await this.#load(nowMs)).keys
    const ageMs = nowMs - loaded.loadedAtMs
    if (ageMs < RELOAD_AFTER_MS) return loaded.keys
    try {
      return (await this.#load(nowMs)).keys
    } catch (error) {
      if (ageMs >= STALE_KEYS_SECONDS * 1000) throw error
      log('warn', 'signing_keys_stale', { age_seconds: toSeconds(ageMs), error: describeError(error) })
      return loaded.keys
    }
  }

  async #load(nowMs: number): Promise<StoredKeys> {
    const changesBefore = this.#changes
    const found = await orUnavailable(listKeys(this.#db))
    const stored = found.kids.length > 0 ? found : await this.#makeFirst(nowMs)
    if (changesBefore !== this.#changes) return stored
    this.#loaded = { keys: stored.keys, loadedAtMs: nowMs }
    this.#privateKeys.clear()
    return stored
  }

  async #makeFirst(nowMs: number): Promise<StoredKeys> {
    const now = toSeconds(nowMs)
    const [first, second] = await Promise.all(
      firstKeys(now, this.policy).map(({ alg, signsFrom }) => this.make(alg, signsFrom, now)),
    )
    if (first !== undefined && second !== undefined)
      await orUnavailable(insertFirstKeys(this.#db, [first, second]).run())
    return orUnavailable(listKeys(this.#db))
  }

  async #privateKey(key: StoredKey): Promise<CryptoKey | null> {
    const known = this.#privateKeys.get(key.kid)
    if (known !== undefined) return known
    const jwk = await unsealPrivateJwk(key, await this.#seal())
    const privateKey = jwk === null ? null : ((await importJWK(jwk, key.alg)) as CryptoKey)
    if (jwk === null) log('error', 'signing_key_not_unsealed', { kid: key.kid, secret_id: key.secretId })
    this.#privateKeys.set(key.kid, privateKey)
    return privateKey
  }

  async #seal(): Promise<PurposeKeys> {
    this.#sealKeys ??= await this.#deriveSealKeys()
    return this.#sealKeys
  }
}

function publishedKeys({ signing, next, retired }: Schedule<StoredKey>): readonly StoredKey[] {
  return [signing, next, ...retired].filter((key) => key !== null)
}

function noKey(why: string): ServiceError {
  return new ServiceError('misconfigured', {}, { cause: new Error(why) })
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}

/**
 * The cache of the key set in one isolate: loaded from D1, cached for a minute, created on first use. Requests share results, not
 * promises, because a cancelled request must not leave others waiting for its I/O.
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
  /** By key id; null for a key that no configured secret unseals, until the keys are read again. */
  readonly #privateKeys = new Map<string, CryptoKey | null>()
  #sealKeys: PurposeKeys | null = null
  #loaded: Loaded | null = null
  /** The number of changes in this isolate. A read that began before a change is not cached. */
  #changes = 0
  #unknownKidReadAtMs = 0

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
   * The key that signs now. If it cannot be unsealed, the next one, which is already published; otherwise a retired one.
   * @throws {ServiceError} `misconfigured` if no key can be unsealed; `unavailable` if D1 is unavailable
   */
  async signing(nowMs: number): Promise<SigningKey> {
    for (const key of publishedKeys(await this.#schedule(nowMs))) {
      const privateKey = await this.#privateKey(key)
      if (privateKey !== null) return { kid: key.kid, alg: key.alg, privateKey }
    }
    throw noKey('AUTH_SECRET unseals no signing key')
  }

  /** @returns the key to verify with, or null if the service has no such `kid`, or no longer. */
  async verification(kid: string, nowMs: number): Promise<VerificationKey | null> {
    const cached = await this.#find(kid, nowMs)
    if (cached !== null) return cached
    const readAtMs = Math.max(this.#loaded?.loadedAtMs ?? 0, this.#unknownKidReadAtMs)
    if (nowMs - readAtMs < UNKNOWN_KID_COOLDOWN_MS) return null
    this.#unknownKidReadAtMs = nowMs
    await this.#load(nowMs)
    return this.#find(kid, nowMs)
  }

  /** The public keys that verify now or later: the JWKS (RFC 7517). @throws {ServiceError} `misconfigured`, `unavailable` */
  async published(nowMs: number): Promise<readonly JWK[]> {
    const keys = publishedKeys(await this.#schedule(nowMs))
    if (keys.length === 0) throw noKey('no signing key can be read')
    return keys.map(({ publicJwk, kid, alg }) => ({ ...publicJwk, kid, alg, use: 'sig' }))
  }

  /**
   * Reads the keys from D1, and creates them if D1 has no keys. This isolate uses them at once.
   * @throws {ServiceError} `unavailable`
   */
  latest(nowMs: number): Promise<StoredKeys> {
    return this.#load(nowMs)
  }

  /** Clears the cache after a change. Nothing uses the old keys, even if D1 is unavailable from now on. */
  invalidate(): void {
    this.#loaded = null
    this.#changes += 1
  }

  /** @returns whether the key can be used to sign: a configured secret unseals it */
  async canSign(key: StoredKey): Promise<boolean> {
    return (await this.#privateKey(key)) !== null
  }

  /** Creates a key, sealed under the current secret. */
  async make(alg: string, signsFrom: number, now: number): Promise<StoredKey> {
    return makeKey({ alg, signsFrom, createdAt: now }, await this.#seal())
  }

  /** @returns the key sealed under the current secret, or null if it already is, or no configured secret unseals it. */
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
    const cached = this.#privateKeys.get(key.kid)
    if (cached !== undefined) return cached
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

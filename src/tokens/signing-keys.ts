/**
 * The key set as one isolate knows it: loaded from D1, kept for a minute, made on first use. Results are shared
 * between requests, promises are not: a request that is cancelled must not leave others waiting for its I/O.
 */
import { importJWK, type JWK } from 'jose'
import { reach, ServiceError } from '../errors.ts'
import { describeFault, log } from '../log.ts'
import type { PurposeKeys } from '../secrets.ts'
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
  type StoredKey,
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

export interface VerificationKey {
  readonly alg: string
  readonly publicKey: CryptoKey
}

interface Loaded {
  readonly keys: readonly StoredKey[]
  readonly loadedAtMs: number
}

export class SigningKeys {
  readonly #db: D1Database
  readonly #policy: SchedulePolicy
  readonly #deriveSealKeys: () => Promise<PurposeKeys>
  readonly #privateKeys = new Map<string, CryptoKey>()
  readonly #publicKeys = new Map<string, CryptoKey>()
  #sealKeys: PurposeKeys | null = null
  #loaded: Loaded | null = null
  #askedForUnknownAtMs = 0

  constructor(
    db: D1Database,
    policy: SchedulePolicy,
    secrets: { authSecret: string; authSecretAlso: string | undefined },
  ) {
    this.#db = db
    this.#policy = policy
    this.#deriveSealKeys = () => deriveSealKeys(secrets.authSecret, secrets.authSecretAlso)
  }

  /**
   * The key that signs now. Where it cannot be unsealed, the next one, which is published already.
   * @throws {ServiceError} `misconfigured` where no key can be unsealed; `unavailable` where D1 is out of reach
   */
  async signing(nowMs: number): Promise<SigningKey> {
    const { signing, next } = await this.#schedule(nowMs)
    for (const key of [signing, next]) {
      const privateKey = key === null ? null : await this.#privateKey(key)
      if (key !== null && privateKey !== null) return { kid: key.kid, alg: key.alg, privateKey }
    }
    throw new ServiceError('misconfigured', {}, { cause: new Error('AUTH_SECRET unseals no signing key') })
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

  /** The public keys that verify, or will: the JWKS (RFC 7517). */
  async published(nowMs: number): Promise<readonly JWK[]> {
    const keys = publishedKeys(await this.#schedule(nowMs))
    return keys.map(({ publicJwk, kid, alg }) => ({ ...publicJwk, kid, alg, use: 'sig' }))
  }

  /** Makes a key, sealed under the current secret. */
  async make(alg: string, signsFrom: number, now: number): Promise<StoredKey> {
    return makeKey({ alg, signsFrom, createdAt: now }, await this.#seal())
  }

  async #find(kid: string, nowMs: number): Promise<VerificationKey | null> {
    const found = publishedKeys(await this.#schedule(nowMs)).find((key) => key.kid === kid)
    return found === undefined ? null : { alg: found.alg, publicKey: await this.#publicKey(found) }
  }

  async #schedule(nowMs: number): Promise<Schedule<StoredKey>> {
    return scheduleAt(await this.#keys(nowMs), toSeconds(nowMs), this.#policy)
  }

  async #keys(nowMs: number): Promise<readonly StoredKey[]> {
    const loaded = this.#loaded
    if (loaded === null) return this.#load(nowMs)
    const ageMs = nowMs - loaded.loadedAtMs
    if (ageMs < RELOAD_AFTER_MS) return loaded.keys
    try {
      return await this.#load(nowMs)
    } catch (fault) {
      if (ageMs >= STALE_KEYS_SECONDS * 1000) throw fault
      log('warn', 'signing_keys_stale', { age_seconds: toSeconds(ageMs), fault: describeFault(fault) })
      return loaded.keys
    }
  }

  async #load(nowMs: number): Promise<readonly StoredKey[]> {
    const stored = await reach(listKeys(this.#db))
    const keys = stored.length > 0 ? stored : await this.#makeFirst(nowMs)
    this.#loaded = { keys, loadedAtMs: nowMs }
    return keys
  }

  async #makeFirst(nowMs: number): Promise<readonly StoredKey[]> {
    const now = toSeconds(nowMs)
    const [first, second] = await Promise.all(
      firstKeys(now, this.#policy).map(({ alg, signsFrom }) => this.make(alg, signsFrom, now)),
    )
    if (first !== undefined && second !== undefined)
      await reach(insertFirstKeys(this.#db, [first, second]).run())
    return reach(listKeys(this.#db))
  }

  async #privateKey(key: StoredKey): Promise<CryptoKey | null> {
    const imported = this.#privateKeys.get(key.kid)
    if (imported !== undefined) return imported
    const jwk = await unsealPrivateJwk(key, await this.#seal())
    if (jwk === null) {
      log('error', 'signing_key_not_unsealed', { kid: key.kid, secret_id: key.secretId })
      return null
    }
    const privateKey = (await importJWK(jwk, key.alg)) as CryptoKey
    this.#privateKeys.set(key.kid, privateKey)
    return privateKey
  }

  async #publicKey(key: StoredKey): Promise<CryptoKey> {
    const imported = this.#publicKeys.get(key.kid) ?? ((await importJWK(key.publicJwk, key.alg)) as CryptoKey)
    this.#publicKeys.set(key.kid, imported)
    return imported
  }

  async #seal(): Promise<PurposeKeys> {
    this.#sealKeys ??= await this.#deriveSealKeys()
    return this.#sealKeys
  }
}

function publishedKeys({ signing, next, retired }: Schedule<StoredKey>): readonly StoredKey[] {
  return [signing, next, ...retired].filter((key) => key !== null)
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}

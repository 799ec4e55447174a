/**
 * The signing keys as an isolate uses them: created on first use, unsealed when they sign, changed by the plans of
 * key-schedule.ts.
 */
import { importJWK } from 'jose'
import type { PurposeKeys } from '../crypto/secrets.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { CacheContext } from '../runtime/isolate-cache.ts'
import { type LogEvent, log } from '../runtime/log.ts'
import type { SharedRecord, SharedRecords } from '../shared-record.ts'
import {
  firstKeys,
  KeysInUse,
  type Plan,
  type PlannedKey,
  type SchedulePolicy,
  STALE_KEYS_SECONDS,
} from './key-schedule.ts'
import {
  advanceKey,
  deleteKey,
  deriveSealKeys,
  insertFirstKeys,
  insertPlannedKey,
  makeKey,
  replaceSeal,
  resealKey,
  type StoredKey,
  type StoredKeys,
  toStoredKeys,
  unsealPrivateJwk,
  withdrawKey,
} from './signing-key-store.ts'

/** A token with an unknown `kid` makes the isolate read the keys again at most this often. */
const UNKNOWN_KID_COOLDOWN_MS = 10_000
const STALE_KEYS_MS = STALE_KEYS_SECONDS * 1000

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
}

export type VerificationKey = Pick<StoredKey, 'alg' | 'publicKey'>
export type PublishedKey = Pick<StoredKey, 'kid' | 'alg' | 'publicJwk'>

export class SigningKeys {
  readonly policy: SchedulePolicy
  readonly #db: D1Database
  readonly #records: SharedRecords
  readonly #deriveSealKeys: () => Promise<PurposeKeys>
  /** Null for a key that no configured secret unseals. A changed key set has other objects, so these are dropped with the old one. */
  readonly #privateKeys = new WeakMap<StoredKey, CryptoKey | null>()
  readonly #keysInUse: KeysInUse<StoredKey>
  #sealKeys: PurposeKeys | null = null
  /** The last rows, as text, and what they were converted to. */
  #last: { readonly rows: unknown; readonly text: string; readonly stored: StoredKeys } | null = null
  #unknownKidReadAtMs = 0

  constructor(
    db: D1Database,
    records: SharedRecords,
    policy: SchedulePolicy,
    secrets: { authSecret: string; authSecretFallback: string | undefined },
  ) {
    this.#db = db
    this.#records = records
    this.policy = policy
    this.#keysInUse = new KeysInUse(policy)
    this.#deriveSealKeys = () => deriveSealKeys(secrets.authSecret, secrets.authSecretFallback)
  }

  /**
   * The key that signs now. If it cannot be unsealed, the next one, which is already published; otherwise a retired one.
   * @throws {ServiceError} `misconfigured` if no key can be unsealed; `unavailable` if D1 is unavailable
   */
  async signing(ctx: CacheContext): Promise<SigningKey> {
    for (const key of await this.#inUse(ctx)) {
      const privateKey = await this.#privateKey(key)
      if (privateKey !== null) return { kid: key.kid, alg: key.alg, privateKey }
    }
    throw noKey(
      'AUTH_SECRET unseals no signing key: set the secret that sealed them as AUTH_SECRET or AUTH_SECRET_FALLBACK',
    )
  }

  /** @returns the key to verify with, or null if the service has no such `kid`, or no longer. @throws {ServiceError} `unavailable` */
  async verification(kid: string, ctx: CacheContext): Promise<VerificationKey | null> {
    const known = await this.#find(kid, ctx)
    if (known !== null) return known
    const { readAtMs } = await this.#records.get(ctx)
    if (ctx.nowMs - Math.max(readAtMs, this.#unknownKidReadAtMs) < UNKNOWN_KID_COOLDOWN_MS) return null
    this.#unknownKidReadAtMs = ctx.nowMs
    await this.#records.latest(ctx.nowMs)
    return this.#find(kid, ctx)
  }

  /**
   * The keys that verify now or later. The same list for as long as the same keys are in use.
   * @throws {ServiceError} `misconfigured`, `unavailable`
   */
  async published(ctx: CacheContext): Promise<readonly PublishedKey[]> {
    const keys = await this.#inUse(ctx)
    if (keys.length === 0) throw noKey('no signing key can be read')
    return keys
  }

  /** Reads the keys from D1. @throws {ServiceError} `unavailable` */
  async stored(nowMs: number): Promise<StoredKeys> {
    return this.#toStored(await this.#records.latest(nowMs))
  }

  /** As `stored`, and creates the keys if D1 has none. */
  async latest(nowMs: number): Promise<StoredKeys> {
    return this.#orFirst(await this.#records.latest(nowMs), nowMs)
  }

  /** @returns whether the key can be used to sign: a configured secret unseals it */
  async canSign(key: StoredKey): Promise<boolean> {
    return (await this.#privateKey(key)) !== null
  }

  /**
   * Executes a plan in one batch. This isolate uses the keys at once.
   * @param planned the keys that the plan is based on
   * @param requestId for the log; undefined for cron
   * @returns the ids of the removed keys
   * @throws {ServiceError} `unavailable`
   */
  async execute(
    { create, remove, withdraw, advance }: Plan,
    planned: StoredKeys,
    { nowMs, requestId }: { readonly nowMs: number; readonly requestId: string | undefined },
  ): Promise<readonly string[]> {
    const [db, now] = [this.#db, toSeconds(nowMs)]
    const newKeys = await Promise.all(create.map((key) => this.#make(key, now)))
    const kids = [...planned.kids, ...newKeys.map(({ kid }) => kid)]
    const done = await this.#change(nowMs, requestId, [
      ...remove.map((kid) => step('signing_key_removed', kid, deleteKey(db, kid))),
      ...withdraw.map((kid) => step('signing_key_removed', kid, withdrawKey(db, kid, now))),
      ...advance.map(({ kid, signsFrom }) =>
        step('signing_key_advanced', kid, advanceKey(db, kid, signsFrom)),
      ),
      ...newKeys.map((key) => step('signing_key_created', key.kid, insertPlannedKey(db, key, kids))),
    ])
    return done.filter(({ event }) => event === 'signing_key_removed').map(({ kid }) => kid)
  }

  /** Seals keys again that AUTH_SECRET_FALLBACK sealed, so that a replaced secret unseals nothing. @throws {ServiceError} `unavailable` */
  async reseal(nowMs: number): Promise<void> {
    const sealKeys = await this.#seal()
    const { keys } = await this.stored(nowMs)
    const steps = keys.map(async (key) => {
      const resealed = await resealKey(key, sealKeys)
      return resealed && step('signing_key_resealed', key.kid, replaceSeal(this.#db, key, resealed))
    })
    await this.#change(
      nowMs,
      undefined,
      (await Promise.all(steps)).filter((each) => each !== null),
    )
  }

  /** Executes the steps in one batch. @returns those that changed a row, which the log names */
  async #change(
    nowMs: number,
    requestId: string | undefined,
    steps: readonly Step[],
  ): Promise<readonly Step[]> {
    if (steps.length === 0) return []
    const statements = steps.map(({ statement }) => statement)
    const { results } = await this.#records.change(statements, nowMs)
    const done = steps.filter((_step, index) => results[index]?.meta.changes === 1)
    for (const { kid, event } of done) log('info', event, { request_id: requestId, kid })
    return done
  }

  async #find(kid: string, ctx: CacheContext): Promise<VerificationKey | null> {
    return (await this.#inUse(ctx)).find((key) => key.kid === kid) ?? null
  }

  async #inUse(ctx: CacheContext): Promise<readonly StoredKey[]> {
    const { keys } = await this.#orFirst(await this.#records.get(ctx, STALE_KEYS_MS), ctx.nowMs)
    return this.#keysInUse.at(keys, toSeconds(ctx.nowMs))
  }

  async #orFirst(record: SharedRecord, nowMs: number): Promise<StoredKeys> {
    return this.#toStored(record.signingKeys.length > 0 ? record : await this.#makeFirst(nowMs))
  }

  async #makeFirst(nowMs: number): Promise<SharedRecord> {
    const now = toSeconds(nowMs)
    const [signing, next] = firstKeys(now, this.policy)
    const keys = await Promise.all([this.#make(signing, now), this.#make(next, now)])
    return (await this.#records.change([insertFirstKeys(this.#db, keys)], nowMs)).record
  }

  /** Keeps the result of the last rows, as long as a reload finds the same. */
  async #toStored({ signingKeys: rows }: SharedRecord): Promise<StoredKeys> {
    if (this.#last?.rows === rows) return this.#last.stored
    const text = JSON.stringify(rows)
    const last = this.#last
    if (last?.text === text) {
      this.#last = { ...last, rows }
      return last.stored
    }
    const stored = await toStoredKeys(rows)
    this.#last = { rows, text, stored }
    return stored
  }

  async #privateKey(key: StoredKey): Promise<CryptoKey | null> {
    const cached = this.#privateKeys.get(key)
    if (cached !== undefined) return cached
    const jwk = await unsealPrivateJwk(key, await this.#seal())
    const privateKey = jwk === null ? null : ((await importJWK(jwk, key.alg)) as CryptoKey)
    if (jwk === null) log('error', 'signing_key_not_unsealed', { kid: key.kid, secret_id: key.secretId })
    this.#privateKeys.set(key, privateKey)
    return privateKey
  }

  async #make({ alg, signsFrom }: PlannedKey, createdAt: number): Promise<StoredKey> {
    return makeKey({ alg, signsFrom, createdAt }, await this.#seal())
  }

  async #seal(): Promise<PurposeKeys> {
    this.#sealKeys ??= await this.#deriveSealKeys()
    return this.#sealKeys
  }
}

interface Step {
  /** The log event if the statement changes a row. */
  readonly event: LogEvent
  readonly kid: string
  readonly statement: D1PreparedStatement
}

function step(event: LogEvent, kid: string, statement: D1PreparedStatement): Step {
  return { event, kid, statement }
}

function noKey(why: string): ServiceError {
  return new ServiceError('misconfigured', {}, { cause: new Error(why) })
}

function toSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}

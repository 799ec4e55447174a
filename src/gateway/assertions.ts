/** The assertions of one isolate: each is used again within the first half of its life, so that few are signed. */
import type { Identity } from '../actions/identify.ts'
import { BoundedMap } from '../bounded-map.ts'
import type { EncryptionKey } from '../clients/encryption-key.ts'
import type { GatewayRoute } from '../config/gateway.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { encryptAssertion, signAssertion } from '../tokens/assertion.ts'
import type { SigningKey } from '../tokens/signing-keys.ts'

const LIFE_SECONDS = 60
const MAX_KEPT = 1_000

interface Kept {
  readonly assertion: string
  readonly reusedUntil: number
}

/** Whom an assertion is for. */
type Recipient = Pick<GatewayRoute, 'prefix' | 'audience' | 'clientId'>

export class Assertions {
  readonly #kept = new BoundedMap<Kept>(MAX_KEPT)

  /** @throws {ServiceError} `misconfigured`, `unavailable` */
  async of(services: Services, identity: Identity, recipient: Recipient): Promise<string> {
    const { roles, scope, claims } = identity
    const now = Math.floor(services.nowMs / 1000)
    const key = await services.signingKeys.signing(services.nowMs)
    const encryptionKey = await encryptionKeyOf(services, recipient)
    const { audience, clientId } = recipient
    const name = JSON.stringify([key.kid, clientId, claims.jti, audience, roles, scope])
    const kept = this.#kept.get(name)
    if (kept !== undefined && now < kept.reusedUntil) return kept.assertion
    const expiresAt = Math.min(now + LIFE_SECONDS, claims.exp)
    const life = { issuedAt: now, expiresAt }
    const signed = await sign(services, identity, audience, life, key)
    const assertion = encryptionKey === null ? signed : await encryptAssertion(signed, encryptionKey)
    this.#kept.set(name, { assertion, reusedUntil: now + (expiresAt - now) / 2 })
    return assertion
  }
}

function sign(
  { config }: Services,
  { subject, sessionId, roles, scope }: Identity,
  audience: string,
  life: { readonly issuedAt: number; readonly expiresAt: number },
  key: SigningKey,
): Promise<string> {
  const { issuer } = config.tokens
  return signAssertion({ issuer, audience, subject, sessionId, roles, scope, ...life }, key)
}

/**
 * @returns null where the route names no client
 * @throws {ServiceError} `misconfigured` where the one that it names has no key: nothing goes on that others could read
 */
async function encryptionKeyOf(
  { clients, nowMs }: Services,
  { prefix, clientId }: Recipient,
): Promise<EncryptionKey | null> {
  if (clientId === null) return null
  const client = await clients.find(clientId, nowMs)
  if (client !== null && client.encryptionKey !== null) return client.encryptionKey
  const cause = new Error(`GATEWAY ${prefix}: its client_id is of no client with an encryption key`)
  throw new ServiceError('misconfigured', {}, { cause })
}

/**
 * What the service signs for one origin: assertions, and exchange tokens that take the place of the client's. One isolate
 * uses each again in the first half of its life, so that few are signed.
 */
import type { Identity } from '../actions/session/authorize.ts'
import type { EncryptionKey } from '../clients/encryption-key.ts'
import type { GatewayRoute } from '../config/gateway-route.ts'
import { ServiceError } from '../errors/service-error.ts'
import { BoundedMap } from '../runtime/bounded-map.ts'
import type { Services } from '../services.ts'
import { signExchangeToken } from '../tokens/access-token.ts'
import { encryptAssertion, signAssertion } from '../tokens/assertion.ts'
import { ADMIN_SCOPE } from '../tokens/claims.ts'
import type { SigningKey } from '../tokens/signing-keys.ts'

const ASSERTION_SECONDS = 60
const EXCHANGE_SECONDS = 120
/** Of each kind: the oldest go first. */
const MAX_KEPT = 1_000

interface Kept {
  readonly token: string
  readonly reusedUntil: number
}

/** Unix seconds. */
interface Life {
  readonly issuedAt: number
  readonly expiresAt: number
}

/** Whom an assertion is for. */
type Recipient = Pick<GatewayRoute, 'prefix' | 'audience' | 'clientId'>

export class OriginTokens {
  readonly #assertions = new BoundedMap<Kept>(MAX_KEPT)
  readonly #exchangeTokens = new BoundedMap<Kept>(MAX_KEPT)

  /** @throws {ServiceError} `misconfigured`, `unavailable` */
  async assertion(services: Services, identity: Identity, recipient: Recipient): Promise<string> {
    const { audience, clientId } = recipient
    const key = await services.signingKeys.signing(services.nowMs)
    const encryptionKey = await encryptionKeyOf(services, recipient)
    const name = nameOf(key, identity, [audience, clientId])
    const life = lifeOf(services, identity, ASSERTION_SECONDS)
    return reuse(this.#assertions, name, life, async () => {
      const signed = await sign(services, identity, audience, life, key)
      return encryptionKey === null ? signed : encryptAssertion(signed, encryptionKey)
    })
  }

  /**
   * @param audience of the one origin that the token is good for
   * @returns an access token with the claims of the client's, without the scope `admin`
   * @throws {ServiceError} `misconfigured`, `unavailable`
   */
  async exchange(services: Services, identity: Identity, audience: string): Promise<string> {
    const { claims, roles, scope } = identity
    const key = await services.signingKeys.signing(services.nowMs)
    const life = lifeOf(services, identity, EXCHANGE_SECONDS)
    return reuse(this.#exchangeTokens, nameOf(key, identity, [audience]), life, () => {
      const granted = scope.filter((name) => name !== ADMIN_SCOPE)
      return signExchangeToken(claims, { audience, roles, scope: granted, ...life }, key)
    })
  }
}

function nameOf(
  { kid }: SigningKey,
  { claims, roles, scope }: Identity,
  recipient: readonly (string | null)[],
): string {
  return JSON.stringify([kid, claims.jti, roles, scope, ...recipient])
}

/** Nothing outlives the token that it is made of. */
function lifeOf({ nowMs }: Services, { claims }: Identity, seconds: number): Life {
  const issuedAt = Math.floor(nowMs / 1000)
  return { issuedAt, expiresAt: Math.min(issuedAt + seconds, claims.exp) }
}

async function reuse(
  kept: BoundedMap<Kept>,
  name: string,
  { issuedAt, expiresAt }: Life,
  sign: () => Promise<string>,
): Promise<string> {
  const earlier = kept.get(name)
  if (earlier !== undefined && issuedAt < earlier.reusedUntil) return earlier.token
  const token = await sign()
  kept.set(name, { token, reusedUntil: issuedAt + (expiresAt - issuedAt) / 2 })
  return token
}

function sign(
  { config }: Services,
  { subject, sessionId, roles, scope }: Identity,
  audience: string,
  life: Life,
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

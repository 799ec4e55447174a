/** Registers, lists and removes OAuth clients for an operator. */
import type { JWK } from 'jose'
import type { Client } from '../../clients/client-store.ts'
import { hashClientSecret, newClientSecret } from '../../clients/clients.ts'
import { readEncryptionJwk } from '../../clients/encryption-key.ts'
import { newId } from '../../crypto/ids.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { RequestContext } from '../request-context.ts'

export interface NewClient {
  readonly clientName: string | null
  /** The key that assertions for the client are encrypted with; null if they are not encrypted. */
  readonly encryptionJwk: JWK | null
  /** The audience whose access tokens it may introspect; null for the service's own audience. */
  readonly audience: string | null
}

export interface RegisteredClient {
  readonly client: Client
  /** Only this response contains it: the service stores nothing but its hash. */
  readonly secret: string
}

/** @throws {ServiceError} `invalid_request` if the key cannot be used; `unavailable` */
export async function registerClient(ctx: RequestContext, request: NewClient): Promise<RegisteredClient> {
  const { services, nowMs } = ctx
  const secret = newClientSecret()
  const client: Client = {
    clientId: newId(nowMs),
    clientName: request.clientName,
    secretHash: await hashClientSecret(secret),
    encryptionJwk: request.encryptionJwk === null ? null : await readUsableKey(request.encryptionJwk),
    audience: request.audience,
    createdAt: Math.floor(nowMs / 1000),
  }
  await services.clients.insert(client)
  return { client, secret }
}

/** @throws {ServiceError} `unavailable` */
export function getClients({ services }: RequestContext): Promise<readonly Client[]> {
  return services.clients.list()
}

/**
 * Removes a client. This takes effect in this isolate at once, and in others within 30 s, or 10 min while D1 is unavailable.
 * @throws {ServiceError} `not_found`, `unavailable`
 */
export async function removeClient({ services }: RequestContext, clientId: string): Promise<void> {
  if (!(await services.clients.remove(clientId))) throw new ServiceError('not_found')
}

async function readUsableKey(jwk: JWK): Promise<JWK> {
  const read = await readEncryptionJwk(jwk)
  if (typeof read !== 'string') return read
  throw new ServiceError('invalid_request', { errors: [{ field: 'jwks', message: `keys.0: ${read}` }] })
}

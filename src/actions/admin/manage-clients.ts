/** Registers, lists and removes OAuth clients for an operator. */
import type { JWK } from 'jose'
import {
  type Client,
  deleteClient,
  findClient,
  insertClient,
  listClients,
} from '../../clients/client-store.ts'
import { hashClientSecret, newClientSecret } from '../../clients/clients.ts'
import { readEncryptionJwk } from '../../clients/encryption-key.ts'
import { newId } from '../../crypto/ids.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { withDeadline } from '../../runtime/deadline.ts'
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
  const {
    services: { db },
    nowMs,
  } = ctx
  const secret = newClientSecret()
  const client: Client = {
    clientId: newId(nowMs),
    clientName: request.clientName,
    secretHash: await hashClientSecret(secret),
    encryptionJwk: request.encryptionJwk === null ? null : await readUsableKey(request.encryptionJwk),
    audience: request.audience,
    createdAt: Math.floor(nowMs / 1000),
  }
  await store(db, client)
  return { client, secret }
}

/** @throws {ServiceError} `unavailable` */
export function getClients({ services: { db } }: RequestContext): Promise<readonly Client[]> {
  return orUnavailable(listClients(db))
}

/**
 * Removes a client. This takes effect in this isolate at once, and in others within 30 s, or 10 min while D1 is unavailable.
 * @throws {ServiceError} `not_found`, `unavailable`
 */
export async function removeClient(
  { services: { db, clients } }: RequestContext,
  clientId: string,
): Promise<void> {
  const removed = await remove(db, clientId).finally(() => clients.invalidate(clientId))
  if (!removed) throw new ServiceError('not_found')
}

/** Deletes the row. If the result is lost, reads whether it is gone. @returns false if there was no such row */
async function remove(db: D1Database, clientId: string): Promise<boolean> {
  try {
    const { meta } = await withDeadline(deleteClient(db, clientId).run())
    return meta.changes === 1
  } catch (cause) {
    if ((await orUnavailable(findClient(db, clientId))) === null) return true
    throw new ServiceError('unavailable', {}, { cause })
  }
}

async function readUsableKey(jwk: JWK): Promise<JWK> {
  const read = await readEncryptionJwk(jwk)
  if (typeof read !== 'string') return read
  throw new ServiceError('invalid_request', { errors: [{ field: 'jwks', message: `keys.0: ${read}` }] })
}

/** Inserts the row. If the result is lost, reads whether it is there: if so, the caller must get the secret. */
async function store(db: D1Database, client: Client): Promise<void> {
  try {
    await withDeadline(insertClient(db, client).run())
  } catch (cause) {
    if ((await orUnavailable(findClient(db, client.clientId))) !== null) return
    throw new ServiceError('unavailable', {}, { cause })
  }
}

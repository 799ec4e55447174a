/** The clients as an operator makes, sees and removes them. */
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
import type { Services } from '../../services.ts'

export interface NewClient {
  readonly clientName: string | null
  /** Null where assertions to it are not encrypted. */
  readonly encryptionJwk: JWK | null
  /** Whose access tokens it may introspect; null for the service's own audience. */
  readonly audience: string | null
}

export interface RegisteredClient {
  readonly client: Client
  /** Nobody learns it again. */
  readonly secret: string
}

/** @throws {ServiceError} `invalid_request` where the key is none that can be used; `unavailable` */
export async function registerClient(services: Services, request: NewClient): Promise<RegisteredClient> {
  const { db, nowMs } = services
  const secret = newClientSecret()
  const client: Client = {
    clientId: newId(nowMs),
    clientName: request.clientName,
    secretHash: await hashClientSecret(secret),
    encryptionJwk: request.encryptionJwk === null ? null : await usable(request.encryptionJwk),
    audience: request.audience,
    createdAt: Math.floor(nowMs / 1000),
  }
  await store(db, client)
  return { client, secret }
}

/** @throws {ServiceError} `unavailable` */
export function getClients({ db }: Services): Promise<readonly Client[]> {
  return orUnavailable(listClients(db))
}

/**
 * Removes a client: in this isolate at once, in the others within 30 s, or within 10 min where they cannot reach D1.
 * @throws {ServiceError} `not_found`, `unavailable`
 */
export async function removeClient({ db, clients }: Services, clientId: string): Promise<void> {
  const removed = await remove(db, clientId).finally(() => clients.forget(clientId))
  if (!removed) throw new ServiceError('not_found')
}

/** Where the answer is lost, the row says whether it took. @returns false where there was none */
async function remove(db: D1Database, clientId: string): Promise<boolean> {
  try {
    const { meta } = await withDeadline(deleteClient(db, clientId).run())
    return meta.changes === 1
  } catch (cause) {
    if ((await orUnavailable(findClient(db, clientId))) === null) return true
    throw new ServiceError('unavailable', {}, { cause })
  }
}

async function usable(jwk: JWK): Promise<JWK> {
  const read = await readEncryptionJwk(jwk)
  if (typeof read !== 'string') return read
  throw new ServiceError('invalid_request', { errors: [{ field: 'jwks', message: `keys.0: ${read}` }] })
}

/** Where the answer is lost, the row says whether it took: a secret that was stored is told. */
async function store(db: D1Database, client: Client): Promise<void> {
  try {
    await withDeadline(insertClient(db, client).run())
  } catch (cause) {
    if ((await orUnavailable(findClient(db, client.clientId))) !== null) return
    throw new ServiceError('unavailable', {}, { cause })
  }
}

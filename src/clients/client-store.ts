/** Confidential OAuth clients and their keys in D1. A client is an origin that authenticates itself. */
import type { JWK } from 'jose'
import { type Bytes, fromBase64Url, toBase64Url } from '../crypto/bytes.ts'

export interface Client {
  /** UUIDv7. */
  readonly clientId: string
  readonly clientName: string | null
  /** SHA-256. */
  readonly secretHash: Bytes
  /** The public key that assertions to the client are encrypted for, with `kid` and `alg`. */
  readonly encryptionJwk: JWK | null
  /** The audience of the access tokens that it may introspect, besides those issued to itself; null for the current AUDIENCE. */
  readonly audience: string | null
  /** Unix seconds. */
  readonly createdAt: number
}

interface ClientRow {
  readonly client_id: string
  readonly client_name: string | null
  readonly secret_hash: string
  readonly encryption_jwk: string | null
  readonly audience: string | null
  readonly created_at: number
}

/** Reads from the primary: finds a client that was just created, and not one that was removed. */
export async function findClient(db: D1Database, clientId: string): Promise<Client | null> {
  const sql = 'SELECT * FROM clients WHERE client_id = ?1'
  const row = await db.withSession('first-primary').prepare(sql).bind(clientId).first<ClientRow>()
  return row === null ? null : toClient(row)
}

/** Lists the clients in the order in which they were created. */
export async function listClients(db: D1Database): Promise<readonly Client[]> {
  const sql = 'SELECT * FROM clients ORDER BY client_id'
  const { results } = await db.withSession('first-primary').prepare(sql).all<ClientRow>()
  return results.map(toClient)
}

export function insertClient(db: D1Database, client: Client): D1PreparedStatement {
  const { clientId, clientName, secretHash, encryptionJwk, audience, createdAt } = client
  const key = encryptionJwk === null ? null : JSON.stringify(encryptionJwk)
  return db
    .prepare(
      `INSERT INTO clients (client_id, client_name, secret_hash, encryption_jwk, audience, created_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
    )
    .bind(clientId, clientName, toBase64Url(secretHash), key, audience, createdAt)
}

export function deleteClient(db: D1Database, clientId: string): D1PreparedStatement {
  return db.prepare('DELETE FROM clients WHERE client_id = ?1').bind(clientId)
}

function toClient(row: ClientRow): Client {
  const secretHash = fromBase64Url(row.secret_hash)
  if (secretHash === null) throw new Error('the secret_hash of a client is not base64url')
  return {
    clientId: row.client_id,
    clientName: row.client_name,
    secretHash,
    encryptionJwk: row.encryption_jwk === null ? null : JSON.parse(row.encryption_jwk),
    audience: row.audience,
    createdAt: row.created_at,
  }
}

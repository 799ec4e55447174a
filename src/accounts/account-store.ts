/**
 * Accounts in D1: the row, its mapping and all SQL statements for it. This file builds the statements; actions run them, one
 * batch for each change of state.
 */
import { fromBase64Url, toBase64Url } from '../crypto/bytes.ts'
import { type Account, IDENTIFIER_KINDS, type IdentifierKind, type SurvivingSession } from './account.ts'
import type { Identifier } from './identifier.ts'

interface AccountRow {
  readonly id: string
  readonly username: string | null
  readonly username_key: string | null
  readonly email: string | null
  readonly email_verified: number
  readonly phone: string | null
  readonly phone_verified: number
  readonly password_hash: string
  readonly disabled: number
  readonly roles: string
  readonly scopes: string
  readonly claims: string
  readonly credential_version: number
  readonly sessions_not_before: number
  readonly surviving_session: string | null
  readonly surviving_family: string | null
  readonly surviving_secret_hash: string | null
  readonly change_id: string
  readonly created_at: number
  readonly updated_at: number
}

export interface AccountRead {
  readonly account: Account | null
  /** Whether the primary served the read, so that it is current. A replica may be stale. */
  readonly fromPrimary: boolean
}

/** `replica`: the nearest database, which may be stale (D1 Sessions API). `primary`: always current, but may be far away. */
export type ReadFrom = 'replica' | 'primary'

type Row = readonly unknown[]

const COMPARED_COLUMN = { username: 'username_key', email: 'email', phone: 'phone' } as const

function session(db: D1Database, from: ReadFrom): D1DatabaseSession {
  return db.withSession(from === 'primary' ? 'first-primary' : 'first-unconstrained')
}

export async function findByIdentifier(
  db: D1Database,
  identifier: Identifier,
  from: ReadFrom,
): Promise<AccountRead> {
  const sql = `SELECT * FROM accounts WHERE ${COMPARED_COLUMN[identifier.kind]} = ?1`
  return readOne(session(db, from).prepare(sql).bind(identifier.compared), from)
}

export async function findById(db: D1Database, id: string, from: ReadFrom): Promise<AccountRead> {
  return readOne(session(db, from).prepare('SELECT * FROM accounts WHERE id = ?1').bind(id), from)
}

async function readOne(statement: D1PreparedStatement, from: ReadFrom): Promise<AccountRead> {
  const { results, meta } = await statement.run<AccountRow>()
  const row = results[0]
  const fromPrimary = from === 'primary' || meta.served_by_primary === true
  return { account: row === undefined ? null : toAccount(row), fromPrimary }
}

/** Inserts the account unless one of its identifiers is taken. `takenIdentifiers` in the same batch finds which. */
export function insertAccount(db: D1Database, account: Account): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO accounts (id, username, username_key, email, phone, password_hash, credential_version,
         sessions_not_before, change_id, created_at, updated_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING`,
    )
    .bind(
      account.id,
      account.username,
      account.usernameKey,
      account.email,
      account.phone,
      account.passwordHash,
      account.credentialVersion,
      account.sessionsNotBefore,
      account.changeId,
      account.createdAt,
      account.updatedAt,
    )
}

/** Finds which of the account's identifiers another account has. Read the result with `firstTaken`. */
export function takenIdentifiers(db: D1Database, account: Account): D1PreparedStatement {
  const sql = `SELECT
    EXISTS (SELECT 1 FROM accounts WHERE username_key = ?2 AND id <> ?1) AS username,
    EXISTS (SELECT 1 FROM accounts WHERE email = ?3 AND id <> ?1) AS email,
    EXISTS (SELECT 1 FROM accounts WHERE phone = ?4 AND id <> ?1) AS phone`
  return db.prepare(sql).bind(account.id, account.usernameKey, account.email, account.phone)
}

export function firstTaken(result: D1Result | undefined): IdentifierKind | null {
  const row = result?.results[0] as Record<IdentifierKind, number> | undefined
  return IDENTIFIER_KINDS.find((kind) => row?.[kind] === 1) ?? null
}

/**
 * Writes the account's new state if it was not changed since `from` was read, and if none of its identifiers is taken.
 * `insertOutboxRow` follows in the same batch.
 */
export function updateAccount(db: D1Database, from: Account, to: Account): D1PreparedStatement {
  const values: Row = [
    from.id,
    from.credentialVersion,
    to.username,
    to.usernameKey,
    to.email,
    to.emailVerified ? 1 : 0,
    to.phone,
    to.phoneVerified ? 1 : 0,
    to.passwordHash,
    to.credentialVersion,
    to.sessionsNotBefore,
    to.survivingSession?.id ?? null,
    to.survivingSession === null ? null : toBase64Url(to.survivingSession.secretHash),
    to.changeId,
    to.updatedAt,
    to.disabled ? 1 : 0,
    JSON.stringify(to.roles),
    JSON.stringify(to.scopes),
    JSON.stringify(to.claims),
    to.survivingSession?.familyId ?? null,
  ]
  return db
    .prepare(
      `UPDATE OR IGNORE accounts SET username = ?3, username_key = ?4, email = ?5, email_verified = ?6, phone = ?7,
         phone_verified = ?8, password_hash = ?9, credential_version = ?10, sessions_not_before = ?11,
         surviving_session = ?12, surviving_secret_hash = ?13, change_id = ?14, updated_at = ?15, disabled = ?16, roles = ?17,
         scopes = ?18, claims = ?19, surviving_family = ?20
       WHERE id = ?1 AND credential_version = ?2`,
    )
    .bind(...values)
}

/** Inserts the version to publish, if the update before it in the batch took effect. */
export function insertOutboxRow(db: D1Database, to: Account): D1PreparedStatement {
  return db
    .prepare(
      `INSERT OR IGNORE INTO outbox (account_id, version)
       SELECT id, credential_version FROM accounts WHERE id = ?1 AND change_id = ?2`,
    )
    .bind(to.id, to.changeId)
}

/** Inserts the deletion to publish, if the deletion after it in the batch will take effect. */
export function insertDeletionOutboxRow(db: D1Database, from: Account, version: number): D1PreparedStatement {
  return db
    .prepare(
      `INSERT OR IGNORE INTO outbox (account_id, version)
       SELECT id, ?3 FROM accounts WHERE id = ?1 AND credential_version = ?2`,
    )
    .bind(from.id, from.credentialVersion, version)
}

export function deleteAccount(db: D1Database, from: Account): D1PreparedStatement {
  return db
    .prepare('DELETE FROM accounts WHERE id = ?1 AND credential_version = ?2')
    .bind(from.id, from.credentialVersion)
}

/** Replaces a hash by a stronger one of the same password. A late rehash never undoes a password change. */
export function replaceHash(
  db: D1Database,
  id: string,
  verified: string,
  renewed: string,
): D1PreparedStatement {
  return db
    .prepare('UPDATE accounts SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2')
    .bind(id, verified, renewed)
}

export function deleteOutboxRows(
  db: D1Database,
  accountId: string,
  upToVersion: number,
): D1PreparedStatement {
  return db.prepare('DELETE FROM outbox WHERE account_id = ?1 AND version <= ?2').bind(accountId, upToVersion)
}

export interface OutboxEntry {
  readonly accountId: string
  readonly version: number
}

/** Lists unpublished changes, the newest version of each account, in random order, so that no account waits for others. */
export async function listOutbox(db: D1Database, limit: number): Promise<readonly OutboxEntry[]> {
  const sql = `SELECT account_id AS accountId, max(version) AS version FROM outbox
    GROUP BY account_id ORDER BY random() LIMIT ?1`
  const { results } = await session(db, 'primary').prepare(sql).bind(limit).run<OutboxEntry>()
  return results
}

function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    username: row.username,
    usernameKey: row.username_key,
    email: row.email,
    emailVerified: row.email_verified === 1,
    phone: row.phone,
    phoneVerified: row.phone_verified === 1,
    passwordHash: row.password_hash,
    disabled: row.disabled === 1,
    roles: JSON.parse(row.roles),
    scopes: JSON.parse(row.scopes),
    claims: JSON.parse(row.claims),
    credentialVersion: row.credential_version,
    sessionsNotBefore: row.sessions_not_before,
    survivingSession: toSurvivingSession(row),
    changeId: row.change_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function toSurvivingSession({
  surviving_session: id,
  surviving_family: familyId,
  surviving_secret_hash: hash,
}: AccountRow): SurvivingSession | null {
  const secretHash = fromBase64Url(hash ?? '')
  return id === null || familyId === null || secretHash === null ? null : { id, familyId, secretHash }
}

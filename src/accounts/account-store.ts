/**
 * Accounts in D1: the row, its mapping and all SQL statements for it. This file builds the statements;
 * AccountRepository runs them.
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
  readonly name: string | null
  readonly picture: string | null
  readonly locale: string | null
  readonly zoneinfo: string | null
  readonly password_hash: string | null
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

/** Reads from the primary the accounts that exist. */
export async function findAllById(db: D1Database, ids: readonly string[]): Promise<readonly Account[]> {
  const sql = 'SELECT * FROM accounts WHERE id IN (SELECT value FROM json_each(?1))'
  const statement = session(db, 'primary').prepare(sql).bind(JSON.stringify(ids))
  const { results } = await statement.run<AccountRow>()
  return results.map(toAccount)
}

async function readOne(statement: D1PreparedStatement, from: ReadFrom): Promise<AccountRead> {
  const { results, meta } = await statement.run<AccountRow>()
  const row = results[0]
  const fromPrimary = from === 'primary' || meta.served_by_primary === true
  return { account: row === undefined ? null : toAccount(row), fromPrimary }
}

/** Inserts the account unless one of its identifiers is taken. `takenIdentifiers` in the same batch finds which. */
export function insertAccount(db: D1Database, account: Account): D1PreparedStatement {
  const row = toRow(account)
  const places = Object.keys(row).map((_column, index) => `?${index + 1}`)
  return db
    .prepare(`INSERT INTO accounts (${Object.keys(row)}) VALUES (${places}) ON CONFLICT DO NOTHING`)
    .bind(...Object.values(row))
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

/** Writes the account's new state if it was not changed since `from` was read, and if none of its identifiers is taken. */
export function updateAccount(db: D1Database, from: Account, to: Account): D1PreparedStatement {
  const { id: _id, ...row } = toRow(to)
  const assignments = Object.keys(row).map((column, index) => `${column} = ?${index + 3}`)
  return db
    .prepare(`UPDATE OR IGNORE accounts SET ${assignments} WHERE id = ?1 AND credential_version = ?2`)
    .bind(from.id, from.credentialVersion, ...Object.values(row))
}

/** Deletes the account under the condition of `isStored`, so that the statements before it in the batch take effect exactly if it does. */
export function deleteAccount(db: D1Database, from: Account): D1PreparedStatement {
  return db
    .prepare('DELETE FROM accounts WHERE id = ?1 AND change_id = ?2 AND credential_version = ?3')
    .bind(from.id, from.changeId, from.credentialVersion)
}

/** An SQL condition and the values of its parameters. It must be the last in its statement, because they have no numbers. */
export interface Condition {
  readonly sql: string
  readonly values: readonly unknown[]
}

/**
 * A statement in the batch of an account's change that takes effect only if the change does. The store of its table makes it,
 * AccountRepository runs it.
 */
export type ConditionalStatement = (db: D1Database, condition: Condition) => D1PreparedStatement

/** The condition that the row is as `account` says: after a write that it was applied, before a deletion that it will be. */
export function isStored({ id, changeId, credentialVersion }: Account): Condition {
  return {
    sql: 'EXISTS (SELECT 1 FROM accounts WHERE id = ? AND change_id = ? AND credential_version = ?)',
    values: [id, changeId, credentialVersion],
  }
}

/**
 * Replaces a hash by a stronger one of the same password. A late rehash never undoes a password change, and never gives a
 * password to an account that has none.
 */
export function replaceHash(
  db: D1Database,
  { id, passwordHash }: Account,
  renewed: string,
): D1PreparedStatement {
  return db
    .prepare('UPDATE accounts SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2')
    .bind(id, passwordHash, renewed)
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
    name: row.name,
    picture: row.picture,
    locale: row.locale,
    zoneinfo: row.zoneinfo,
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

function toRow(account: Account): AccountRow {
  const { survivingSession } = account
  return {
    id: account.id,
    username: account.username,
    username_key: account.usernameKey,
    email: account.email,
    email_verified: account.emailVerified ? 1 : 0,
    phone: account.phone,
    phone_verified: account.phoneVerified ? 1 : 0,
    name: account.name,
    picture: account.picture,
    locale: account.locale,
    zoneinfo: account.zoneinfo,
    password_hash: account.passwordHash,
    disabled: account.disabled ? 1 : 0,
    roles: JSON.stringify(account.roles),
    scopes: JSON.stringify(account.scopes),
    claims: JSON.stringify(account.claims),
    credential_version: account.credentialVersion,
    sessions_not_before: account.sessionsNotBefore,
    surviving_session: survivingSession?.id ?? null,
    surviving_family: survivingSession?.familyId ?? null,
    surviving_secret_hash: survivingSession === null ? null : toBase64Url(survivingSession.secretHash),
    change_id: account.changeId,
    created_at: account.createdAt,
    updated_at: account.updatedAt,
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

/** Fills a database with accounts by SQL. */
import type { Database } from './stage.ts'

/** Each statement is one transaction, which must fit into the write-ahead log. */
const ROWS_PER_STATEMENT = 50_000
/** The creation time of the first account. Each further account is one second younger. */
const SINCE_MS = Date.UTC(2025, 0, 1)

/**
 * Ids are ordered by time, like UUIDv7. Names are in random order: multiplying by an odd number permutes the integers below 2^32.
 * All accounts have a username, two of three an email address, one of eight a phone number.
 */
const INSERT = `
INSERT INTO accounts (id, username, username_key, email, email_verified, phone, password_hash, credential_version,
  sessions_not_before, change_id, created_at, updated_at)
WITH RECURSIVE
  range (n, ms) AS (VALUES (?1, ?3 + ?1 * 1000) UNION ALL SELECT n + 1, ms + 1000 FROM range WHERE n < ?2),
  people AS MATERIALIZED (
    SELECT n, ms, format('%08x', n * 2654435761 % 4294967296) AS name,
      format('%08x-%04x-7%03x-8%03x-%012x', ms >> 16, ms & 65535, random() & 4095, random() & 4095,
        random() & 281474976710655) AS id
    FROM range
  )
SELECT id, 'User.' || name, 'user.' || name, iif(n % 3 > 0, name || '@example.com', NULL), n % 3 > 0,
  iif(n % 8 = 0, format('+49151%08d', n), NULL), ?4, ms, ms, id, ms / 1000, ms / 1000
FROM people`

export async function fill(database: Database, count: number, passwordHash: string): Promise<void> {
  for (let from = 1; from <= count; from += ROWS_PER_STATEMENT) {
    const to = Math.min(from + ROWS_PER_STATEMENT - 1, count)
    await database.prepare(INSERT).bind(from, to, SINCE_MS, passwordHash).run()
  }
}

/** @returns the identifiers of randomly chosen accounts */
export async function randomIdentifiers(database: Database, count: number): Promise<readonly string[]> {
  const sql = 'SELECT coalesce(email, username) AS identifier FROM accounts ORDER BY random() LIMIT ?1'
  const { results } = await database.prepare(sql).bind(count).all<{ identifier: string }>()
  return results.map(({ identifier }) => identifier)
}

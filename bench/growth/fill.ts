/** Fills a database with people, by SQL. */
import type { Database } from './stage.ts'

/** One statement is one transaction, which the write-ahead log must hold. */
const ROWS_AT_ONCE = 50_000
/** The first one's id; each further one is a second younger. */
const SINCE_MS = Date.UTC(2025, 0, 1)

/**
 * Ids are in the order of time, as UUIDv7 are, and names in none: an odd factor only shuffles the integers below 2^32.
 * Everybody has a username, two of three an email address, one of eight a phone number.
 */
const INSERT = `
INSERT INTO accounts (id, username, username_key, email, email_verified, phone, password_hash, credential_version,
  sessions_not_before, change_id, created_at, updated_at)
WITH RECURSIVE
  numbers (n, ms) AS (VALUES (?1, ?3 + ?1 * 1000) UNION ALL SELECT n + 1, ms + 1000 FROM numbers WHERE n < ?2),
  people AS MATERIALIZED (
    SELECT n, ms, format('%08x', n * 2654435761 % 4294967296) AS name,
      format('%08x-%04x-7%03x-8%03x-%012x', ms >> 16, ms & 65535, random() & 4095, random() & 4095,
        random() & 281474976710655) AS id
    FROM numbers
  )
SELECT id, 'User.' || name, 'user.' || name, iif(n % 3 > 0, name || '@example.com', NULL), n % 3 > 0,
  iif(n % 8 = 0, format('+49151%08d', n), NULL), ?4, ms, ms, id, ms / 1000, ms / 1000
FROM people`

export async function fill(database: Database, count: number, passwordHash: string): Promise<void> {
  for (let from = 1; from <= count; from += ROWS_AT_ONCE) {
    const to = Math.min(from + ROWS_AT_ONCE - 1, count)
    await database.prepare(INSERT).bind(from, to, SINCE_MS, passwordHash).run()
  }
}

/** @returns what some people, wherever they stand in the table, log in with */
export async function someOf(database: Database, count: number): Promise<readonly string[]> {
  const sql = 'SELECT coalesce(email, username) AS identifier FROM accounts ORDER BY random() LIMIT ?1'
  const { results } = await database.prepare(sql).bind(count).all<{ identifier: string }>()
  return results.map(({ identifier }) => identifier)
}

/** The random key under which counters are named, in D1. schema.sql makes it. */

/** @returns null where the database has none. Read from the primary: a replica may not have it yet. */
export async function readNamingKey(db: D1Database): Promise<string | null> {
  return db.withSession('first-primary').prepare('SELECT key FROM naming_key WHERE id = 1').first('key')
}

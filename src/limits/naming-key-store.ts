/** The random key in D1 from which counters' names are derived. schema.sql makes it. */

/** @returns null if the database has none. Reads from the primary, because a replica may not have it yet. */
export async function readNamingKey(db: D1Database): Promise<string | null> {
  return db.withSession('first-primary').prepare('SELECT key FROM naming_key WHERE id = 1').first('key')
}

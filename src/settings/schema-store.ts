/** The version of the database's schema, in the only row that schema.sql writes. */

/** The version that this release requires, which schema.sql writes. */
export const SCHEMA_VERSION = 1

export async function readSchemaVersion(db: D1Database): Promise<number | null> {
  return db.prepare('SELECT version FROM schema_version WHERE id = 1').first<number>('version')
}

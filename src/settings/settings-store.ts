/**
 * The run-time settings in D1: one document with the values that differ from the defaults, and a record of each change. Also the
 * two rows that schema.sql writes: the version of the schema, and the random key from which counters' names are derived.
 */
import type { AllowList } from '../accounts/identifier.ts'
import type { RuleChanges } from '../config/limits.ts'

/** Any subset at every level, with the names on the wire. A list is replaced as a whole. */
export interface SettingsChange {
  readonly registration_open?: boolean | undefined
  readonly registration_allow?:
    | { readonly [List in keyof AllowList]?: AllowList[List] | undefined }
    | undefined
  readonly rules?: RuleChanges | undefined
}

/** The document: the settings that an operator changed, and the time at which the sessions of all accounts were ended. */
export interface SettingsDocument extends SettingsChange {
  /** Unix milliseconds: sessions that began before this time have ended. */
  readonly sessions_not_before?: number
}

export interface StoredSettings {
  readonly document: SettingsDocument
  /** Unix seconds; null if no setting was ever changed. */
  readonly updatedAt: number | null
  readonly updatedBy: string | null
}

export interface SettingsRow {
  readonly document: string
  readonly updated_at: number
  readonly updated_by: string
}

export interface NamingKeyRow {
  readonly key: string
}

/** The version of the schema that this release requires, which schema.sql writes. */
export const SCHEMA_VERSION = 2

/** @returns null for a database without a schema */
export async function readSchemaVersion(db: D1Database): Promise<number | null> {
  try {
    return await db.prepare('SELECT version FROM schema_version WHERE id = 1').first<number>('version')
  } catch (error) {
    if (error instanceof Error && error.message.includes('no such table')) return null
    throw error
  }
}

export function selectNamingKey(db: D1Database): D1PreparedStatement {
  return db.prepare('SELECT key FROM naming_key WHERE id = 1')
}

/** Reads the only row. Convert it with `toStoredSettings`. */
export function selectSettings(db: D1Database): D1PreparedStatement {
  return db.prepare('SELECT * FROM settings WHERE id = 1')
}

export function toStoredSettings([row]: readonly SettingsRow[]): StoredSettings {
  if (row === undefined) return { document: {}, updatedAt: null, updatedBy: null }
  return { document: JSON.parse(row.document), updatedAt: row.updated_at, updatedBy: row.updated_by }
}

/** Merges a change into the document (RFC 7396): two concurrent changes of different fields both take effect. */
export function mergeSettings(
  db: D1Database,
  change: SettingsChange,
  now: number,
  actor: string,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO settings (id, document, updated_at, updated_by) VALUES (1, ?1, ?2, ?3)
       ON CONFLICT (id) DO UPDATE SET document = json_patch(document, excluded.document),
         updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
    )
    .bind(JSON.stringify(change), now, actor)
}

/** Ends the sessions of all accounts that began before now. The time never decreases, even if clocks differ. */
export function raiseSessionsNotBefore(db: D1Database, nowMs: number, actor: string): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO settings (id, document, updated_at, updated_by)
       VALUES (1, json_object('sessions_not_before', ?1), ?2, ?3)
       ON CONFLICT (id) DO UPDATE SET
         document = json_set(document, '$.sessions_not_before',
           max(coalesce(json_extract(document, '$.sessions_not_before'), 0) + 1, ?1))`,
    )
    .bind(nowMs, Math.floor(nowMs / 1000), actor)
}

export function insertSettingsChange(
  db: D1Database,
  change: SettingsDocument,
  now: number,
  actor: string,
): D1PreparedStatement {
  return db
    .prepare('INSERT INTO settings_changes (changed_at, changed_by, change) VALUES (?1, ?2, ?3)')
    .bind(now, actor, JSON.stringify(change))
}

/** Whether the database is there and has the schema that this release is written for. */
import { reach, ServiceError } from '../errors.ts'
import { readSchemaVersion, SCHEMA_VERSION } from '../schema-store.ts'
import type { Services } from '../services.ts'

/** @throws {ServiceError} `unavailable`; `misconfigured` where the schema is another release's */
export async function checkHealth({ db }: Services): Promise<void> {
  const version = await reach(readSchemaVersion(db))
  if (version === SCHEMA_VERSION) return
  const cause = new Error(
    `D1 has schema version ${version}, this release needs ${SCHEMA_VERSION}: run schema.sql`,
  )
  throw new ServiceError('misconfigured', {}, { cause })
}

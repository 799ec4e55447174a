/** Whether people can log in: the database is there, with this release's schema, and a key signs. */
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import { readSchemaVersion, SCHEMA_VERSION } from '../../settings/schema-store.ts'

/** @throws {ServiceError} `unavailable`; `misconfigured` where the schema is another release's, or no key unsealed */
export async function checkHealth({ db, signingKeys, nowMs }: Services): Promise<void> {
  const version = await orUnavailable(readSchemaVersion(db))
  if (version === null || version < SCHEMA_VERSION) throw otherSchema(version)
  await signingKeys.signing(nowMs)
}

function otherSchema(version: number | null): ServiceError {
  const cause = new Error(
    `D1 has schema version ${version}, this release needs ${SCHEMA_VERSION}: see "Deploying a release" in docs/operations.md`,
  )
  return new ServiceError('misconfigured', {}, { cause })
}

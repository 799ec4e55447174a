/** Whether people can log in: the database is available and has this release's schema, and a key signs. */
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import { readSchemaVersion, SCHEMA_VERSION } from '../../settings/schema-store.ts'

/** @throws {ServiceError} `unavailable`; `misconfigured` where the schema version differs, or no key can be unsealed */
export async function checkHealth({ db, signingKeys, nowMs }: Services): Promise<void> {
  const version = await orUnavailable(readSchemaVersion(db))
  if (version !== SCHEMA_VERSION) throw otherSchema(version)
  await signingKeys.signing(nowMs)
}

function otherSchema(version: number | null): ServiceError {
  const cause = new Error(
    `D1 has schema version ${version}, this release needs ${SCHEMA_VERSION}: see "Deploying a release" in docs/operations.md`,
  )
  return new ServiceError('misconfigured', {}, { cause })
}

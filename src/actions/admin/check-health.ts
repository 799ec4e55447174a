/** Checks whether logins are possible: D1 is available and has the schema of this release, and there is a key to sign with. */
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import { readSchemaVersion, SCHEMA_VERSION } from '../../settings/schema-store.ts'

/** @throws {ServiceError} `unavailable`; `misconfigured` if the schema is missing or has another version, or if no key can be unsealed */
export async function checkHealth({ db, signingKeys, nowMs }: Services): Promise<void> {
  const version = await orUnavailable(readSchemaVersion(db))
  if (version !== SCHEMA_VERSION) throw schemaError(version)
  await signingKeys.signing(nowMs)
}

function schemaError(version: number | null): ServiceError {
  const cause = new Error(
    `D1 has schema version ${version}, this release needs ${SCHEMA_VERSION}: see "Deploying a release" in docs/operations.md`,
  )
  return new ServiceError('misconfigured', {}, { cause })
}

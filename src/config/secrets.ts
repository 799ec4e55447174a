/** The secrets. They must be long enough, and in production must not be those of the local setup. */
import type { Settings } from './settings.ts'
import type { SettingsReader } from './settings-reader.ts'

export interface SecretsConfig {
  readonly authSecret: string
  /** A second secret that is also accepted while one secret replaces another. */
  readonly authSecretFallback: string | undefined
  readonly passwordPepper: string | undefined
  /** Gives access to /admin/*; if undefined, only administrators' accounts have access. */
  readonly adminToken: string | undefined
}

const MIN_SECRET_BYTES = 32
const SECRET_EXAMPLE = 'the output of: openssl rand -base64 32'

export function readSecrets(reader: SettingsReader, development: boolean): SecretsConfig {
  const read = (variable: keyof Settings) => readSecret(reader, variable, development)
  const authSecret = read('AUTH_SECRET') ?? reader.addProblem('AUTH_SECRET', 'is missing', SECRET_EXAMPLE, '')
  return {
    authSecret,
    authSecretFallback: read('AUTH_SECRET_FALLBACK'),
    passwordPepper: read('PASSWORD_PEPPER'),
    adminToken: read('ADMIN_TOKEN'),
  }
}

/**
 * @param example how to get a valid secret
 * @returns undefined if the secret is missing
 */
export function readSecret(
  reader: SettingsReader,
  variable: keyof Settings,
  development: boolean,
  example = SECRET_EXAMPLE,
): string | undefined {
  const secret = reader.text(variable)
  if (secret === undefined || development) return secret
  if (secret.startsWith('dev-')) reader.addProblem(variable, 'is a development secret', example, secret)
  const bytes = new TextEncoder().encode(secret).length
  if (bytes < MIN_SECRET_BYTES) {
    reader.addProblem(variable, `must have ${MIN_SECRET_BYTES} bytes or more`, example, secret)
  }
  return secret
}

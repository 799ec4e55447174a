/** The secrets, checked for length and for what the local setup makes. */
import type { Settings } from './settings.ts'
import type { SettingsReader } from './settings-reader.ts'

export interface SecretsConfig {
  readonly authSecret: string
  /** A second secret that is accepted while one replaces the other. */
  readonly authSecretFallback: string | undefined
  readonly passwordPepper: string | undefined
  /** Opens /admin/*; without one that way is off. */
  readonly adminToken: string | undefined
}

const MIN_SECRET_BYTES = 32
const SECRET_EXAMPLE = 'the output of: openssl rand -base64 32'

export function readSecrets(reader: SettingsReader, development: boolean): SecretsConfig {
  const read = (variable: keyof Settings) => readSecret(reader, variable, development)
  const authSecret = read('AUTH_SECRET') ?? reader.refuse('AUTH_SECRET', 'is missing', SECRET_EXAMPLE, '')
  return {
    authSecret,
    authSecretFallback: read('AUTH_SECRET_FALLBACK'),
    passwordPepper: read('PASSWORD_PEPPER'),
    adminToken: read('ADMIN_TOKEN'),
  }
}

/**
 * @param example how to come by a right one
 * @returns undefined where it is missing
 */
export function readSecret(
  reader: SettingsReader,
  variable: keyof Settings,
  development: boolean,
  example = SECRET_EXAMPLE,
): string | undefined {
  const secret = reader.text(variable)
  if (secret === undefined || development) return secret
  if (secret.startsWith('dev-')) reader.refuse(variable, 'is a development secret', example, secret)
  const bytes = new TextEncoder().encode(secret).length
  if (bytes < MIN_SECRET_BYTES) {
    reader.refuse(variable, `must have ${MIN_SECRET_BYTES} bytes or more`, example, secret)
  }
  return secret
}

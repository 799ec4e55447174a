/** Access tokens and the keys that sign them. */
import type { SettingsReader } from './settings-reader.ts'

export const SIGNING_ALGORITHMS = ['ES256', 'RS256'] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

export interface TokensConfig {
  readonly issuer: string
  readonly audience: string
  readonly clientId: string
  readonly signingAlgorithm: SigningAlgorithm
  readonly accessTokenSeconds: number
  readonly keyRotationSeconds: number
}

/** Bounds of texts in each access token, so that it has at most 4,096 characters. */
export const MAX_AUDIENCE_LENGTH = 128
const MAX_CLIENT_ID_LENGTH = 64

const SECONDS_PER_DAY = 86_400

export function readTokens(reader: SettingsReader, publicUrl: string): TokensConfig {
  const keyRotationDays = reader.integer('KEY_ROTATION_DAYS', { byDefault: 30, min: 1, max: 3_650 })
  return {
    issuer: publicUrl,
    audience: reader.boundedText('AUDIENCE', publicUrl, MAX_AUDIENCE_LENGTH),
    clientId: reader.boundedText('CLIENT_ID', 'gatehouse', MAX_CLIENT_ID_LENGTH),
    signingAlgorithm: readAlgorithm(reader),
    accessTokenSeconds: reader.integer('ACCESS_TOKEN_SECONDS', { byDefault: 600, min: 1, max: 86_400 }),
    keyRotationSeconds: keyRotationDays * SECONDS_PER_DAY,
  }
}

function readAlgorithm(reader: SettingsReader): SigningAlgorithm {
  const text = reader.text('SIGNING_ALG') ?? 'ES256'
  const algorithm = SIGNING_ALGORITHMS.find((name) => name === text)
  return algorithm ?? reader.addProblem('SIGNING_ALG', 'must be ES256 or RS256', 'ES256', 'ES256' as const)
}

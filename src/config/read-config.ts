/** Text settings in, one typed and frozen Config out; nothing behind it sees the raw text. */
import { en } from 'zod/locales'
import { config } from 'zod/mini'
import { type AccountsConfig, readAccounts } from './accounts.ts'
import { type ChallengeConfig, readChallenge } from './challenge.ts'
import { type DeploymentConfig, readDeployment } from './deployment.ts'
import { type GatewayConfig, readGateway } from './gateway.ts'
import { type LimitsConfig, readLimits } from './limits.ts'
import { type PagesConfig, readPages } from './pages.ts'
import { readSecrets, type SecretsConfig } from './secrets.ts'
import { readSessions, type SessionsConfig } from './sessions.ts'
import type { Settings } from './settings.ts'
import { type SettingProblem, SettingsReader } from './settings-reader.ts'
import { readTokens, type TokensConfig } from './tokens.ts'

// Without a language, zod/mini says "Invalid input" for every error. Those of settings and of the verifier's options are shown.
config(en())

export interface Config {
  readonly deployment: DeploymentConfig
  readonly secrets: SecretsConfig
  readonly tokens: TokensConfig
  readonly sessions: SessionsConfig
  readonly accounts: AccountsConfig
  readonly limits: LimitsConfig
  readonly challenge: ChallengeConfig
  readonly pages: PagesConfig
  readonly gateway: GatewayConfig
}

export type ConfigResult = { readonly ok: true; readonly config: Config } | Misconfigured

export interface Misconfigured {
  readonly ok: false
  readonly problems: readonly SettingProblem[]
  /** For problem responses; null if PUBLIC_URL itself is invalid. */
  readonly publicUrl: string | null
  /** Whether this looks like a clone in which `npm run dev` has never run. */
  readonly isNotSetUp: boolean
}

/**
 * Checks every setting and secret.
 * @returns the config, or all problems at once: each has the variable, what is wrong and a valid value, and never the value of a
 * secret
 */
export function readConfig(settings: Settings): ConfigResult {
  const reader = new SettingsReader(settings)
  const deployment = readDeployment(reader)
  const pages = readPages(reader)
  const tokens = readTokens(reader, deployment.publicUrl)
  const config: Config = {
    deployment,
    secrets: readSecrets(reader, deployment.development),
    tokens,
    sessions: readSessions(reader),
    accounts: readAccounts(reader, pages.name),
    limits: readLimits(reader),
    challenge: readChallenge(reader, deployment.development, pages.enabled ? deployment.publicUrl : null),
    pages,
    gateway: readGateway(reader, { deployment, tokens, pages }),
  }
  const { problems } = reader
  if (problems.length === 0) return { ok: true, config }
  const isPublicUrlValid = problems.every(({ variable }) => variable !== 'PUBLIC_URL')
  return {
    ok: false,
    problems,
    publicUrl: isPublicUrlValid ? deployment.publicUrl : null,
    isNotSetUp: isNotSetUp(reader),
  }
}

/** Every deployment has at least one of these two settings. */
function isNotSetUp(reader: SettingsReader): boolean {
  return reader.text('PUBLIC_URL') === undefined && reader.text('AUTH_SECRET') === undefined
}

/** Where the service runs and how it is reached; what is development and what production is decided here. */
import { isLoopbackHost } from '../verify/loopback.ts'
import type { SettingsReader } from './settings-reader.ts'

export interface DeploymentConfig {
  /** A laptop: http, `dev-` secrets and only loopback hosts. */
  readonly development: boolean
  /** An origin (RFC 6454) without trailing slash; the issuer of tokens. */
  readonly publicUrl: string
  /** Origins whose pages may read the answers, in canonical spelling. */
  readonly corsOrigins: readonly string[]
  /** Name of the header that holds the client's address. */
  readonly clientIpHeader: string
  /** Leading bits of an IPv6 address that count as one client. */
  readonly ipv6Prefix: number
}

const PUBLIC_URL_EXAMPLE = 'https://auth.example.com'
/** It is in each access token, and none has more than 4,096 characters. */
const MAX_PUBLIC_URL_LENGTH = 128
const HEADER_NAME = /^[A-Za-z0-9-]{1,64}$/

export function readDeployment(reader: SettingsReader): DeploymentConfig {
  const publicUrl = reader.text('PUBLIC_URL') ?? ''
  const development = reader.text('ENVIRONMENT') === 'development' && isLoopbackUrl(publicUrl)
  checkPublicUrl(reader, publicUrl, development)
  return {
    development,
    publicUrl,
    corsOrigins: readOrigins(reader),
    clientIpHeader: readClientIpHeader(reader),
    // Below 32 whole providers would be one client.
    ipv6Prefix: reader.integer('IPV6_PREFIX', { byDefault: 64, min: 32, max: 128 }),
  }
}

function isLoopbackUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && isLoopbackHost(url.hostname)
}

function checkPublicUrl(reader: SettingsReader, text: string, development: boolean): void {
  const problem = publicUrlProblem(text, development)
  if (problem !== null) reader.refuse('PUBLIC_URL', problem, PUBLIC_URL_EXAMPLE, text)
}

function publicUrlProblem(text: string, development: boolean): string | null {
  if (text === '') return 'is missing'
  if (text.length > MAX_PUBLIC_URL_LENGTH) return `must have at most ${MAX_PUBLIC_URL_LENGTH} characters`
  if (!isWebOrigin(text))
    return 'must be an origin: scheme and host in lower case, no path, no trailing slash'
  return development || text.startsWith('https:') ? null : 'must be https'
}

function readOrigins(reader: SettingsReader): readonly string[] {
  const origins = reader.list('CORS_ORIGINS')
  if (origins.every(isWebOrigin)) return origins
  const problem =
    'must be origins as browsers send them, separated by commas: no path, no trailing slash, no "*"'
  return reader.refuse('CORS_ORIGINS', problem, 'https://app.example.com,https://www.example.com', [])
}

function isWebOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && url.origin === text && /^https?:$/.test(url.protocol) && !text.includes('*')
}

function readClientIpHeader(reader: SettingsReader): string {
  const name = reader.text('CLIENT_IP_HEADER') ?? 'CF-Connecting-IP'
  if (HEADER_NAME.test(name)) return name
  return reader.refuse('CLIENT_IP_HEADER', 'must be the name of a header', 'CF-Connecting-IP', name)
}

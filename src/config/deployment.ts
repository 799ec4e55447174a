/** Where the service runs and how it is reached. Here is decided whether a deployment is development or production. */
import { isLoopbackHost } from '../verify/loopback.ts'
import type { SettingsReader } from './settings-reader.ts'

export interface DeploymentConfig {
  /** Local development: allows http and `dev-` secrets, and serves only loopback hosts. */
  readonly development: boolean
  /** An origin (RFC 6454) without trailing slash; the issuer of tokens. */
  readonly publicUrl: string
  /** Origins whose pages may read responses, in canonical spelling. */
  readonly corsOrigins: readonly string[]
  /** Name of the header with the requester's IP address. */
  readonly clientIpHeader: string
  /** The length of the IPv6 prefix that counts as one requester, in bits. */
  readonly ipv6Prefix: number
}

const PUBLIC_URL_EXAMPLE = 'https://auth.example.com'
/** Each access token contains the URL and may have at most 4,096 characters. */
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
    // Below 32, all customers of an internet provider would count as one requester.
    ipv6Prefix: reader.integer('IPV6_PREFIX', { byDefault: 64, min: 32, max: 128 }),
  }
}

function isLoopbackUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && isLoopbackHost(url.hostname)
}

function checkPublicUrl(reader: SettingsReader, text: string, development: boolean): void {
  const problem = publicUrlProblem(text, development)
  if (problem !== null) reader.addProblem('PUBLIC_URL', problem, PUBLIC_URL_EXAMPLE, text)
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
  return reader.addProblem('CORS_ORIGINS', problem, 'https://app.example.com,https://www.example.com', [])
}

function isWebOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && url.origin === text && /^https?:$/.test(url.protocol) && !text.includes('*')
}

function readClientIpHeader(reader: SettingsReader): string {
  const name = reader.text('CLIENT_IP_HEADER') ?? 'CF-Connecting-IP'
  if (HEADER_NAME.test(name)) return name
  return reader.addProblem('CLIENT_IP_HEADER', 'must be the name of a header', 'CF-Connecting-IP', name)
}

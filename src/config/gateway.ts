/** The gateway: its routes to origins, its hosts, and the audiences for which forward auth issues exchange tokens. */
import type { DeploymentConfig } from './deployment.ts'
import { type GatewayRoute, ROUTE_EXAMPLE, readRoute } from './gateway-route.ts'
import type { PagesConfig } from './pages.ts'
import { fitsInToken, type SettingsReader } from './settings-reader.ts'
import { MAX_AUDIENCE_LENGTH, type TokensConfig } from './tokens.ts'

export interface GatewayConfig {
  /** The longest prefix first. */
  readonly routes: readonly GatewayRoute[]
  /** First segments of the service's own paths, which no route may use. */
  readonly ownSegments: ReadonlySet<string>
  /** Hosts on which origins serve pages to people. The hosted pages are not served there. */
  readonly hosts: ReadonlySet<string>
  /** Whether routes with `pages` are served on every host, because there are no hosted pages. */
  readonly pagesOnEveryHost: boolean
  /** Audiences for which `/auth/verify?exchange=` issues tokens. */
  readonly forwardAudiences: ReadonlySet<string>
}

/** The other settings against which those of the gateway are checked. */
interface RelatedConfig {
  readonly deployment: Pick<DeploymentConfig, 'publicUrl'>
  readonly tokens: Pick<TokensConfig, 'audience'>
  readonly pages: Pick<PagesConfig, 'enabled'>
}

const OWN_SEGMENTS = [
  'auth',
  'admin',
  'oauth2',
  '.well-known',
  'errors',
  'healthz',
  'openapi.json',
  'assets',
  'forgot',
  'reset',
  'verify',
  'undo',
  'consent',
  'console',
  'dev',
  'docs',
  'favicon.ico',
]
/** Segments of the hosted pages. Routes may use them if there are no hosted pages. */
const PAGE_SEGMENTS = ['login', 'register', 'logout', 'account', 'language']

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Reads `GATEWAY`, `GATEWAY_HOSTS` and `FORWARD_AUDIENCES`. */
export function readGateway(
  reader: SettingsReader,
  { deployment, tokens, pages }: RelatedConfig,
): GatewayConfig {
  const ownSegments = new Set([...OWN_SEGMENTS, ...(pages.enabled ? PAGE_SEGMENTS : [])])
  const isOwnAudience = ownAudienceCheck(deployment.publicUrl, tokens.audience)
  const routes = readRoutes(reader, deployment.publicUrl, ownSegments)
  const hosts = readHosts(reader, deployment.publicUrl)
  checkExchangeAudiences(reader, routes, isOwnAudience)
  checkPageHosts(reader, routes, hosts, pages.enabled)
  return {
    routes,
    ownSegments,
    hosts,
    pagesOnEveryHost: !pages.enabled,
    forwardAudiences: readForwardAudiences(reader, isOwnAudience),
  }
}

function readRoutes(
  reader: SettingsReader,
  publicUrl: string,
  ownSegments: ReadonlySet<string>,
): readonly GatewayRoute[] {
  const table = Object.entries(reader.table('GATEWAY') ?? {})
  const isOwn = (prefix: string) => ownSegments.has(prefix.split('/')[1] ?? '')
  for (const [prefix] of table.filter(([prefix]) => isOwn(prefix))) {
    reader.addProblem('GATEWAY', `${prefix}: is one of the service's own paths`, ROUTE_EXAMPLE, null)
  }
  const routes = table.map(([prefix, fields]) => readRoute(reader, publicUrl, prefix, fields))
  const valid = routes.filter((route) => route !== null)
  return valid.toSorted((a, b) => b.prefix.length - a.prefix.length)
}

/** @returns whether the service itself, or a client with this id, would accept a token for an audience */
function ownAudienceCheck(publicUrl: string, audience: string): (text: string) => boolean {
  const own = [audience, publicUrl, `${publicUrl}/oauth2/userinfo`]
  return (text) => own.includes(text) || UUID.test(text)
}

/** An exchange token must be valid at one origin only. */
function checkExchangeAudiences(
  reader: SettingsReader,
  routes: readonly GatewayRoute[],
  isOwnAudience: (audience: string) => boolean,
): void {
  for (const route of routes.filter(({ authorization }) => authorization === 'exchange')) {
    const { prefix, audience } = route
    const shared = routes.some((other) => other.audience === audience && hostOf(other) !== hostOf(route))
    const problems = [
      ...(isOwnAudience(audience)
        ? ['must have an "audience" that is neither the service\'s nor a UUID']
        : []),
      ...(shared ? ['must have an "audience" that no route to another host has'] : []),
    ]
    for (const problem of problems) reader.addProblem('GATEWAY', `${prefix}: ${problem}`, ROUTE_EXAMPLE, null)
  }
}

function hostOf({ origin }: GatewayRoute): string {
  return origin.kind === 'address' ? new URL(origin.url).host : `service ${origin.binding}`
}

function readHosts(reader: SettingsReader, publicUrl: string): ReadonlySet<string> {
  const hosts = reader.list('GATEWAY_HOSTS')
  const example = 'app.example.com'
  if (!hosts.every(isHostName)) {
    reader.addProblem('GATEWAY_HOSTS', 'must be host names, separated by commas, without port', example, null)
  }
  if (hosts.includes(URL.parse(publicUrl)?.hostname ?? '')) {
    reader.addProblem('GATEWAY_HOSTS', 'must not have the host of PUBLIC_URL', example, null)
  }
  return new Set(hosts)
}

function isHostName(text: string): boolean {
  return URL.parse(`https://${text}`)?.hostname === text && !/\*|\.$/.test(text)
}

function checkPageHosts(
  reader: SettingsReader,
  routes: readonly GatewayRoute[],
  hosts: ReadonlySet<string>,
  hasHostedPages: boolean,
): void {
  if (!hasHostedPages || hosts.size > 0) return
  for (const { prefix } of routes.filter(({ pages }) => pages)) {
    const problem = `${prefix}: "pages" needs GATEWAY_HOSTS, or PAGES with "enabled" false`
    reader.addProblem('GATEWAY', problem, ROUTE_EXAMPLE, null)
  }
}

function readForwardAudiences(
  reader: SettingsReader,
  isOwnAudience: (audience: string) => boolean,
): ReadonlySet<string> {
  const audiences = reader.list('FORWARD_AUDIENCES')
  const addProblem = (problem: string) =>
    reader.addProblem('FORWARD_AUDIENCES', problem, 'https://orders.example.com', null)
  if (audiences.some(isOwnAudience))
    addProblem("must not have one of the service's own audiences, nor a UUID")
  if (!audiences.every((audience) => fitsInToken(audience, MAX_AUDIENCE_LENGTH))) {
    addProblem(`must have audiences of at most ${MAX_AUDIENCE_LENGTH} characters`)
  }
  return new Set(audiences)
}

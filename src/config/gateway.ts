/** Which paths lead to which origin, on which hosts, and for whom exchange tokens are made. */
import type { DeploymentConfig } from './deployment.ts'
import { type GatewayRoute, ROUTE_EXAMPLE, readRoute } from './gateway-route.ts'
import type { PagesConfig } from './pages.ts'
import { isWithin, type SettingsReader } from './settings-reader.ts'
import { MAX_AUDIENCE_LENGTH, type TokensConfig } from './tokens.ts'

export interface GatewayConfig {
  /** The longest prefix first. */
  readonly routes: readonly GatewayRoute[]
  /** First segments of the service's own paths: no route leads from them. */
  readonly ownSegments: ReadonlySet<string>
  /** Hosts for origins that serve pages to people: the hosted pages are not there. */
  readonly hosts: ReadonlySet<string>
  /** Whether routes with `pages` are served on every host, since no hosted page shares it. */
  readonly pagesOnEveryHost: boolean
  /** Audiences for which `/auth/verify?exchange=` makes tokens. */
  readonly forwardAudiences: ReadonlySet<string>
}

/** What the gateway's settings are checked against. */
interface Surroundings {
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
/** Of the hosted pages, and free without them. */
const PAGE_SEGMENTS = ['login', 'register', 'logout', 'account']

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Reads `GATEWAY`, `GATEWAY_HOSTS` and `FORWARD_AUDIENCES`. */
export function readGateway(
  reader: SettingsReader,
  { deployment, tokens, pages }: Surroundings,
): GatewayConfig {
  const ownSegments = new Set([...OWN_SEGMENTS, ...(pages.enabled ? PAGE_SEGMENTS : [])])
  const isServices = serviceAudiences(deployment.publicUrl, tokens.audience)
  const routes = readRoutes(reader, deployment.publicUrl, ownSegments)
  const hosts = readHosts(reader, deployment.publicUrl)
  refuseSharedAudiences(reader, routes, isServices)
  refusePagesWithoutHost(reader, routes, hosts, pages.enabled)
  return {
    routes,
    ownSegments,
    hosts,
    pagesOnEveryHost: !pages.enabled,
    forwardAudiences: readForwardAudiences(reader, isServices),
  }
}

function readRoutes(
  reader: SettingsReader,
  publicUrl: string,
  ownSegments: ReadonlySet<string>,
): readonly GatewayRoute[] {
  const table = Object.entries(reader.table('GATEWAY') ?? {})
  const own = (prefix: string) => ownSegments.has(prefix.split('/')[1] ?? '')
  for (const [prefix] of table.filter(([prefix]) => own(prefix))) {
    reader.refuse('GATEWAY', `${prefix}: is one of the service's own paths`, ROUTE_EXAMPLE, null)
  }
  const routes = table.map(([prefix, fields]) => readRoute(reader, publicUrl, prefix, fields))
  const known = routes.filter((route) => route !== null)
  return known.toSorted((a, b) => b.prefix.length - a.prefix.length)
}

/** @returns whether a token for an audience would be taken by the service itself, or could be by a client */
function serviceAudiences(publicUrl: string, audience: string): (text: string) => boolean {
  const own = [audience, publicUrl, `${publicUrl}/oauth2/userinfo`]
  return (text) => own.includes(text) || UUID.test(text)
}

/** An exchange token is good at one origin alone. */
function refuseSharedAudiences(
  reader: SettingsReader,
  routes: readonly GatewayRoute[],
  isServices: (audience: string) => boolean,
): void {
  for (const route of routes.filter(({ authorization }) => authorization === 'exchange')) {
    const { prefix, audience } = route
    const shared = routes.some((other) => other.audience === audience && hostOf(other) !== hostOf(route))
    const problems = [
      ...(isServices(audience) ? ['must have an "audience" that is not the service\'s, and no UUID'] : []),
      ...(shared ? ['must have an "audience" that no route to another host has'] : []),
    ]
    for (const problem of problems) reader.refuse('GATEWAY', `${prefix}: ${problem}`, ROUTE_EXAMPLE, null)
  }
}

function hostOf({ origin }: GatewayRoute): string {
  return origin.kind === 'address' ? new URL(origin.url).host : `service ${origin.binding}`
}

function readHosts(reader: SettingsReader, publicUrl: string): ReadonlySet<string> {
  const hosts = reader.list('GATEWAY_HOSTS')
  const example = 'app.example.com'
  if (!hosts.every(isHostName)) {
    reader.refuse('GATEWAY_HOSTS', 'must be host names, separated by commas, without port', example, null)
  }
  if (hosts.includes(URL.parse(publicUrl)?.hostname ?? '')) {
    reader.refuse('GATEWAY_HOSTS', 'must not have the host of PUBLIC_URL', example, null)
  }
  return new Set(hosts)
}

function isHostName(text: string): boolean {
  return URL.parse(`https://${text}`)?.hostname === text && !/\*|\.$/.test(text)
}

function refusePagesWithoutHost(
  reader: SettingsReader,
  routes: readonly GatewayRoute[],
  hosts: ReadonlySet<string>,
  hasHostedPages: boolean,
): void {
  if (!hasHostedPages || hosts.size > 0) return
  for (const { prefix } of routes.filter(({ pages }) => pages)) {
    const problem = `${prefix}: "pages" needs GATEWAY_HOSTS, or PAGES with "enabled" false`
    reader.refuse('GATEWAY', problem, ROUTE_EXAMPLE, null)
  }
}

function readForwardAudiences(
  reader: SettingsReader,
  isServices: (audience: string) => boolean,
): ReadonlySet<string> {
  const audiences = reader.list('FORWARD_AUDIENCES')
  const refuse = (problem: string) =>
    reader.refuse('FORWARD_AUDIENCES', problem, 'https://orders.example.com', null)
  if (audiences.some(isServices)) refuse("must not have one of the service's own audiences, nor a UUID")
  if (!audiences.every((audience) => isWithin(audience, MAX_AUDIENCE_LENGTH))) {
    refuse(`must have audiences of at most ${MAX_AUDIENCE_LENGTH} characters`)
  }
  return new Set(audiences)
}

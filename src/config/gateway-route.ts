/** One route of the gateway: a path prefix, the origin behind it, and the requirements on requests. */
import * as z from 'zod/mini'
import { SCOPE } from '../runtime/text.ts'
import { isConfidential } from '../verify/loopback.ts'
import { fitsInToken, type SettingsReader } from './settings-reader.ts'
import { MAX_AUDIENCE_LENGTH } from './tokens.ts'

export interface GatewayRoute {
  /** "/", or "/a/b": no slash at its end. */
  readonly prefix: string
  readonly origin: OriginAddress
  /** The audience of assertions and exchange tokens. */
  readonly audience: string
  /**
   * The client for which assertions are encrypted; no other header then identifies the user. Null if assertions are only
   * signed.
   */
  readonly clientId: string | null
  /** Whether a token is required. A token that is sent must be valid in any case. */
  readonly required: boolean
  /** `check` looks the token's session up for each request; `trust` does not. */
  readonly session: 'trust' | 'check'
  readonly roles: readonly string[]
  readonly scope: readonly string[]
  /** The Bearer token that the origin receives: one issued only for it, that of the request, or none. */
  readonly authorization: 'exchange' | 'pass' | 'drop'
  /** Whether the origin serves pages to people. If not, its documents are sandboxed. */
  readonly pages: boolean
  /** Whether the prefix is removed from the path that the origin receives. */
  readonly stripPrefix: boolean
  /** How long to wait for the beginning of the origin's response. */
  readonly timeoutMs: number
  /** `default` lets Cloudflare's cache respond in place of the origin, as the headers of the cached response allow. */
  readonly cache: 'no-store' | 'default'
  /** Which requests have a log line: all of them, or only those whose response is an error, of the gateway or of the origin. */
  readonly log: 'all' | 'failures'
}

export type OriginAddress =
  | { readonly kind: 'address'; readonly url: string }
  /** A service binding of the Worker. */
  | { readonly kind: 'service'; readonly binding: string }

export const ROUTE_EXAMPLE = '{ "/api": { "origin": "https://api.example.com" } }'

const PREFIX = /^(\/|(\/[A-Za-z0-9._~-]+)+)$/
const DOT_SEGMENT = /\/\.\.?(\/|$)/

const nameList = z
  .pipe(
    z.union([z.string(), z.array(z.string())], {
      error: 'Must be names, as a list or separated by spaces.',
    }),
    z.transform((value) =>
      (typeof value === 'string' ? value.split(' ') : value).filter((name) => name !== ''),
    ),
  )
  .check(z.refine((value) => value.every((name) => SCOPE.test(name)), 'Must be names of [A-Za-z0-9:._-].'))

const originUrl = z
  .string()
  .check(z.refine(isOriginUrl, 'Must be an https address (plain http on this machine alone), without query.'))

const routeFields = z.strictObject({
  origin: z.optional(originUrl),
  service: z.optional(z.string()),
  audience: z.optional(z.string().check(z.minLength(1))),
  client_id: z.optional(z.uuid({ error: 'Must be the client_id of a client.' })),
  required: z._default(z.boolean(), true),
  session: z._default(z.enum(['trust', 'check']), 'trust'),
  roles: z._default(nameList, []),
  scope: z._default(nameList, []),
  authorization: z.optional(z.enum(['exchange', 'pass', 'drop'])),
  pages: z._default(z.boolean(), false),
  strip_prefix: z._default(z.boolean(), false),
  timeout_seconds: z._default(z.number().check(z.minimum(1), z.maximum(600)), 30),
  cache: z._default(z.enum(['no-store', 'default']), 'no-store'),
  log: z._default(z.enum(['all', 'failures']), 'all'),
})
type RouteFields = z.infer<typeof routeFields>

/** @returns null if the route is invalid; its problems are added to the reader */
export function readRoute(
  reader: SettingsReader,
  publicUrl: string,
  prefix: string,
  fields: unknown,
): GatewayRoute | null {
  const parsed = routeFields.safeParse(fields)
  const problems = [
    ...(isPath(prefix) ? [] : ['is not a path such as /api']),
    ...(parsed.error?.issues.map(({ path, message }) => [...path, message].join(': ')) ?? []),
  ]
  const origin = parsed.data && toOrigin(reader, parsed.data)
  const audience = parsed.data?.audience ?? (origin?.kind === 'address' ? new URL(origin.url).origin : '')
  if (parsed.success && origin === null) problems.push('needs an "origin", or a "service" that is bound')
  if (origin?.kind === 'service' && audience === '') problems.push('needs an "audience"')
  if (!fitsInToken(audience, MAX_AUDIENCE_LENGTH))
    problems.push(`needs an "audience" of at most ${MAX_AUDIENCE_LENGTH} characters`)
  if (origin?.kind === 'address' && new URL(origin.url).origin === publicUrl)
    problems.push('leads to the gateway itself')
  if (parsed.data && sendsReadableToken(parsed.data))
    problems.push(
      'must have the authorization "drop": a token would reveal what is encrypted for "client_id"',
    )
  if (parsed.data && hasUnenforcedPermissions(parsed.data))
    problems.push('needs "required" for "roles" and "scope"')
  for (const problem of problems) reader.addProblem('GATEWAY', `${prefix}: ${problem}`, ROUTE_EXAMPLE, null)
  return parsed.data && origin && problems.length === 0
    ? toRoute(prefix, parsed.data, origin, audience)
    : null
}

/** A token identifies the user in plain text. */
function sendsReadableToken({ client_id, authorization = 'drop' }: RouteFields): boolean {
  return client_id !== undefined && authorization !== 'drop'
}

/** A request without a token would pass, while one with a token would need permissions. */
function hasUnenforcedPermissions({ required, roles, scope }: RouteFields): boolean {
  return !required && roles.length + scope.length > 0
}

function isPath(prefix: string): boolean {
  return PREFIX.test(prefix) && !DOT_SEGMENT.test(prefix)
}

function toOrigin(reader: SettingsReader, { origin, service }: RouteFields): OriginAddress | null {
  if (origin !== undefined && service === undefined) return { kind: 'address', url: origin }
  if (service !== undefined && origin === undefined && reader.isService(service)) {
    return { kind: 'service', binding: service }
  }
  return null
}

function toRoute(
  prefix: string,
  { required, session, roles, scope, pages, cache, log, ...fields }: RouteFields,
  origin: OriginAddress,
  audience: string,
): GatewayRoute {
  return {
    prefix,
    origin,
    audience,
    clientId: fields.client_id ?? null,
    required,
    session,
    roles,
    scope,
    authorization: fields.authorization ?? (fields.client_id === undefined ? 'exchange' : 'drop'),
    pages,
    stripPrefix: fields.strip_prefix,
    timeoutMs: fields.timeout_seconds * 1000,
    cache,
    log,
  }
}

/** Plain http would show the tokens to anyone who can read the traffic to the origin. */
function isOriginUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && isConfidential(url) && url.search + url.hash === ''
}

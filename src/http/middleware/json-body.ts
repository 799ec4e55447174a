/**
 * JSON bodies, in the order in which errors win: size (413) and type (415) before anything is known of the
 * caller, then, after the Bearer check, syntax (400). The route's schema does the rest (422).
 */
import type { MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../../errors/service-error.ts'
import { trimInvisible } from '../../runtime/text.ts'
import { readBounded } from '../body.ts'
import type { AppContext, AppEnv } from '../context.ts'
import { requireAdmin, requireBearer } from './authenticate.ts'
import { withCurrentTime } from './provide-services.ts'

/** The deepest that a schema looks: claims, eight levels below theirs. */
const MAX_DEPTH = 10
const JSON_TYPE = 'application/json'
const JSON_MEDIA_TYPE = /^application\/json[ \t]*(;|$)/i

const readBody = createMiddleware<AppEnv>(async (c, next) => {
  keepBody(c, await readBounded(c.req.raw))
  await next()
})

/** @throws {ServiceError} `unsupported_media_type` */
export function keepBody(c: AppContext, bytes: Uint8Array): void {
  requireJson(c.req.header('Content-Type'))
  c.set('body', bytes)
  c.set('services', withCurrentTime(c.get('services')))
}

/** For calls whose body may be missing: of whatever type an empty one claims to be. */
const readOptionalBody = createMiddleware<AppEnv>(async (c, next) => {
  const bytes = await readBounded(c.req.raw)
  if (bytes.length === 0) keepObject(c, {})
  else keepBody(c, bytes)
  await next()
})

/** In place of a body that was not sent. */
export function keepObject(c: AppContext, object: object): void {
  c.set('body', new TextEncoder().encode(JSON.stringify(object)))
  c.set('services', withCurrentTime(c.get('services')))
}

/** Puts the checked body back for the route's schema. `null` counts as absent, except in PATCH, which clears with it. */
export const parseBody = parseBodyWith((object, method) =>
  method === 'PATCH' ? object : withoutNulls(object),
)

/** @param read what the body means to this call */
function parseBodyWith(read: (object: object, method: string) => unknown) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const body = JSON.stringify(read(parseObject(c.get('body')), c.req.method))
    // The validator reads it from there.
    Object.assign(c.req.bodyCache, { text: Promise.resolve(body) })
    if (c.req.header('Content-Type') !== JSON_TYPE) sayJson(c)
    await next()
  })
}

/** Under this spelling the validator takes the body, with whatever parameters, or from a cookie, it came. */
function sayJson(c: AppContext): void {
  const { method, url, cf } = c.req.raw
  const headers = new Headers(c.req.raw.headers)
  headers.set('Content-Type', JSON_TYPE)
  c.req.raw = new Request(url, { method, headers, ...(cf !== undefined && { cf }) })
}

export const jsonBody: MiddlewareHandler<AppEnv>[] = [readBody, parseBody]
/** For a form's empty inputs: an optional field that is empty counts as absent. */
export function jsonBodyOf(optional: readonly string[]): MiddlewareHandler<AppEnv>[] {
  return [readBody, parseBodyWith((object) => withoutNulls(withoutEmpty(object, optional)))]
}
export const bearerAndJsonBody: MiddlewareHandler<AppEnv>[] = [readBody, requireBearer, parseBody]
export const bearerAndOptionalJsonBody: MiddlewareHandler<AppEnv>[] = [
  readOptionalBody,
  requireBearer,
  parseBody,
]
export const adminAndJsonBody: MiddlewareHandler<AppEnv>[] = [readBody, requireAdmin, parseBody]

function requireJson(contentType: string | undefined): void {
  if (!JSON_MEDIA_TYPE.test(contentType ?? '')) throw new ServiceError('unsupported_media_type')
}

function parseObject(bytes: Uint8Array): object {
  const value = parseJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !isInRange(value))
    throw new ServiceError('malformed_json')
  return value
}

function withoutEmpty(object: object, names: readonly string[]): object {
  const isEmpty = ([name, value]: readonly [string, unknown]) =>
    names.includes(name) && typeof value === 'string' && trimInvisible(value) === ''
  return Object.fromEntries(Object.entries(object).filter((member) => !isEmpty(member)))
}

/** @param depth how far below the body; deeper than any schema nothing is looked at, and the schema refuses it */
function withoutNulls(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > MAX_DEPTH) return value
  const members = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(members.map(([name, member]) => [name, withoutNulls(member, depth + 1)]))
}

/** RFC 8259 section 8.1: JSON is UTF-8; bytes that are not are refused, not replaced. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
  } catch {
    throw new ServiceError('malformed_json')
  }
}

/** RFC 8259 section 6: a number out of range cannot be kept as it was sent. Deeper than any schema nothing is looked at. */
function isInRange(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return true
  return Object.values(value).every((member) => isInRange(member, depth + 1))
}

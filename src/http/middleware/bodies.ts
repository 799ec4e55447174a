/**
 * Request bodies: JSON, and forms at /oauth2 (RFC 6749 appendix B). The order of the checks of
 * a JSON body decides which error is reported: size (413) and type (415) come first, then the Bearer token (401), then syntax
 * (400). The route's schema checks the rest (422).
 */
import type { MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { OAuthError, ServiceError } from '../../errors/service-error.ts'
import { trimInvisible } from '../../runtime/text.ts'
import type { AppContext, AppEnv } from '../context.ts'
import { requireAdmin, requireBearer } from './authenticate.ts'
import { setCurrentTime } from './provide-context.ts'

/** The deepest level that any schema checks: claims may be nested eight levels. */
const MAX_DEPTH = 10
const JSON_MEDIA_TYPE = /^application\/json[ \t]*(;|$)/i

const readBody = createMiddleware<AppEnv>(async (c, next) => {
  setBody(c, await readBounded(c.req.raw))
  await next()
})

/** @throws {ServiceError} `unsupported_media_type` */
export function setBody(c: AppContext, bytes: Uint8Array): void {
  requireJson(c.req.header('Content-Type'))
  c.set('body', bytes)
  setCurrentTime(c)
}

/** For requests whose body may be missing. An empty body may have any type. */
const readOptionalBody = createMiddleware<AppEnv>(async (c, next) => {
  const bytes = await readBounded(c.req.raw)
  if (bytes.length === 0) setMissingBody(c, {})
  else setBody(c, bytes)
  await next()
})

/** @param object what the route's schema checks in place of the body of a request that was sent without one */
export function setMissingBody(c: AppContext, object: JsonObject): void {
  c.set('parsedBody', object)
  setCurrentTime(c)
}

type JsonObject = Readonly<Record<string, unknown>>

/** Parses the body for the route's schema. `null` counts as absent, except in PATCH, where it clears a field. */
export const parseBody = parseBodyWith((object, method) =>
  method === 'PATCH' ? object : withoutNulls(object),
)

/** @param normalize returns the object that the schema checks */
function parseBodyWith(normalize: (object: JsonObject, method: string) => JsonObject) {
  return createMiddleware<AppEnv>((c, next) => {
    const bytes = c.get('body')
    if (bytes !== undefined) c.set('parsedBody', normalize(parseObject(bytes), c.req.method))
    return next()
  })
}

export const jsonBody: MiddlewareHandler<AppEnv>[] = [readBody, parseBody]

/** For forms, which send empty inputs: an empty optional field counts as absent. */
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

function parseObject(bytes: Uint8Array): JsonObject {
  const value = parseJson(bytes)
  if (!isJsonObject(value) || !isInRange(value)) throw new ServiceError('malformed_json')
  return value
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withoutEmpty(object: JsonObject, names: readonly string[]): JsonObject {
  const isEmpty = ([name, value]: readonly [string, unknown]) =>
    names.includes(name) && typeof value === 'string' && trimInvisible(value) === ''
  return Object.fromEntries(Object.entries(object).filter((member) => !isEmpty(member)))
}

/** @param depth the level below the body; below MAX_DEPTH nothing is changed, and the schema rejects the value */
function withoutNulls(object: JsonObject, depth = 0): JsonObject {
  if (depth > MAX_DEPTH) return object
  const members = Object.entries(object).filter(([, member]) => member !== null)
  const cleaned = members.map(([name, member]) => [
    name,
    isJsonObject(member) ? withoutNulls(member, depth + 1) : member,
  ])
  return Object.fromEntries(cleaned)
}

/** RFC 8259 section 8.1: JSON is UTF-8. Invalid bytes are refused, not replaced. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
  } catch {
    throw new ServiceError('malformed_json')
  }
}

/** RFC 8259 section 6: a number out of range cannot be stored as it was sent. Levels below MAX_DEPTH are not checked. */
function isInRange(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return true
  return Object.values(value).every((member) => isInRange(member, depth + 1))
}

const FORM_MEDIA_TYPE = /^application\/x-www-form-urlencoded[ \t]*(;|$)/i

/** Parses the form for the route's schema. @throws {OAuthError} `invalid_request` */
export const formBody = createMiddleware<AppEnv>(async (c, next) => {
  const bytes = await readBounded(c.req.raw)
  if (!FORM_MEDIA_TYPE.test(c.req.header('Content-Type') ?? '')) throw new OAuthError('invalid_request')
  c.set('parsedBody', parseForm(new TextDecoder().decode(bytes)))
  setCurrentTime(c)
  await next()
})

/** RFC 6749 section 3.2: a parameter without a value counts as omitted, and no parameter may be repeated. */
function parseForm(text: string): Readonly<Record<string, string>> {
  const given = [...new URLSearchParams(text)].filter(([, value]) => value !== '')
  const names = new Set(given.map(([name]) => name))
  if (names.size < given.length) throw new OAuthError('invalid_request')
  return Object.fromEntries(given)
}

const MAX_BODY_BYTES = 16_384

/** A longer list of codings is not parsed. */
const MAX_CODINGS_LENGTH = 256

/**
 * Reads the body of a request to the service's own API.
 * @throws {ServiceError} `body_too_large`; `malformed_request` if it is incomplete; `unsupported_media_type` if it is encoded
 */
export async function readBounded(request: Request): Promise<Uint8Array> {
  const bytes = await readBytes(request)
  if (!isUnencoded(request.headers.get('Content-Encoding') ?? ''))
    throw new ServiceError('unsupported_media_type')
  return bytes
}

/** RFC 9110 section 8.4: codings are listed in the order of application and are case-insensitive. The runtime decodes none. */
function isUnencoded(contentEncoding: string): boolean {
  if (contentEncoding.length > MAX_CODINGS_LENGTH) return false
  const codings = contentEncoding.split(',').map((coding) => coding.trim().toLowerCase())
  return codings.every((coding) => coding === '' || coding === 'identity')
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  const statedLength = request.headers.get('Content-Length')
  if (statedLength === null) return readChunks(request.body)
  if (Number(statedLength) > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
  return readWhole(request)
}

/** HTTP delivers no more than the stated length (RFC 9112 section 6.3), so the runtime can read the body at once. */
async function readWhole(request: Request): Promise<Uint8Array> {
  const bytes = await request.bytes().catch(() => {
    throw new ServiceError('malformed_request')
  })
  if (bytes.length > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
  return bytes
}

async function readChunks(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_BODY_BYTES)
  let length = 0
  for await (const chunk of chunksOf(body)) {
    if (length + chunk.length > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
    bytes.set(chunk, length)
    length += chunk.length
  }
  return bytes.slice(0, length)
}

/** An incomplete body is an error of its sender, not of the service. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch {
    throw new ServiceError('malformed_request')
  }
}

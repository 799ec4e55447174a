/** What every route's declaration repeats: bodies, answers, security. */
import { OpenAPIHono, type z } from '@hono/zod-openapi'
import type { AppEnv } from './context.ts'
import { problemSchema } from './representations.ts'
import { refuseInvalid } from './validation.ts'

export const BEARER = [{ bearer: [] }]

/** A router whose schema failures are `invalid_request`. */
export function createRouter() {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
}

export function jsonRequest<Schema extends z.ZodType>(schema: Schema, required = true) {
  return { required, content: { 'application/json': { schema } } }
}

export function jsonResponse<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } }
}

export const problem = {
  description: 'A problem (RFC 9457); GET /errors/{code} explains each code.',
  content: { 'application/problem+json': { schema: problemSchema } },
}

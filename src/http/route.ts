/** Helpers to declare routes: bodies, responses, security, and the errors of input that a schema rejects. */
import { OpenAPIHono, type z } from '@hono/zod-openapi'
import { type FieldError, ServiceError } from '../errors/service-error.ts'
import type { AppContext, AppEnv } from './context.ts'
import { problemSchema } from './representations.ts'

export const BEARER = [{ bearer: [] }]

/** @returns a router that rejects input that does not match its schema with `invalid_request` */
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

type Issue = z.core.$ZodIssue

type ValidationResult = { readonly success: boolean; readonly error?: { readonly issues: readonly Issue[] } }

/** For zod-openapi's `defaultHook`. @throws {ServiceError} `invalid_request` */
export function refuseInvalid(result: ValidationResult): void {
  if (result.success || result.error === undefined) return
  throw new ServiceError('invalid_request', { errors: result.error.issues.flatMap(toFieldErrors) })
}

/** A body that its schema rejects. */
export interface InvalidBody {
  /** The valid fields, as they were sent. */
  readonly fields: Readonly<Record<string, unknown>>
  /** The names of the invalid fields. */
  readonly invalid: ReadonlySet<string>
}

type AdditionalErrors = (c: AppContext, body: InvalidBody) => readonly FieldError[]

/**
 * A route's own hook. If the schema rejects a body, the errors that the route's action would find in it are listed, too, so that
 * one response names them all.
 * @param additionalErrors the errors that the action would find in the valid fields
 */
export function refuseInvalidWith(additionalErrors: AdditionalErrors) {
  return (result: ValidationResult, c: AppContext): Promise<never> | undefined =>
    result.error === undefined ? undefined : refuseWith(result.error.issues, c, additionalErrors)
}

async function refuseWith(
  issues: readonly Issue[],
  c: AppContext,
  additionalErrors: AdditionalErrors,
): Promise<never> {
  const errors = issues.flatMap(toFieldErrors)
  const invalid = new Set(errors.map(({ field }) => field))
  const sent = Object.entries(await c.req.json<Record<string, unknown>>())
  const fields = Object.fromEntries(sent.filter(([name]) => !invalid.has(name)))
  throw new ServiceError('invalid_request', {
    errors: [...errors, ...additionalErrors(c, { fields, invalid })],
  })
}

function toFieldErrors(issue: Issue): readonly FieldError[] {
  if (issue.code !== 'unrecognized_keys') return [toFieldError(issue.path, issue.message)]
  return issue.keys.map((key) => toFieldError([...issue.path, key], 'Unknown field.'))
}

/** `field` is the top-level name; the message starts with the path below it. */
function toFieldError([field, ...below]: readonly PropertyKey[], message: string): FieldError {
  const path = below.map(String).join('.')
  return { field: String(field ?? ''), message: path === '' ? message : `${path}: ${message}` }
}

/** How routes are declared: bodies, responses, security, and what becomes of input that a schema refuses. */
import { OpenAPIHono, type z } from '@hono/zod-openapi'
import { type FieldError, ServiceError } from '../errors/service-error.ts'
import type { AppContext, AppEnv } from './context.ts'
import { problemSchema } from './representations.ts'

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

type Issue = z.core.$ZodIssue

type ValidationResult = { readonly success: boolean; readonly error?: { readonly issues: readonly Issue[] } }

/** For zod-openapi's `defaultHook`. @throws {ServiceError} `invalid_request` */
export function refuseInvalid(result: ValidationResult): void {
  if (result.success || result.error === undefined) return
  throw new ServiceError('invalid_request', { errors: result.error.issues.flatMap(toFieldErrors) })
}

/** What came in a body whose schema found something wrong. */
export interface RefusedBody {
  /** The fields that nothing was wrong with, as they came. */
  readonly fields: Readonly<Record<string, unknown>>
  /** The names of the others. */
  readonly faulty: ReadonlySet<string>
}

type FurtherErrors = (c: AppContext, body: RefusedBody) => readonly FieldError[]

/**
 * A route's own hook, for problems that its action finds: where the schema finds some, they are listed beside them.
 * @param further what the action would find in the fields that can be read
 */
export function refuseInvalidWith(further: FurtherErrors) {
  return (result: ValidationResult, c: AppContext): Promise<never> | undefined =>
    result.error === undefined ? undefined : refuseWith(result.error.issues, c, further)
}

async function refuseWith(issues: readonly Issue[], c: AppContext, further: FurtherErrors): Promise<never> {
  const errors = issues.flatMap(toFieldErrors)
  const faulty = new Set(errors.map(({ field }) => field))
  const sent = Object.entries(await c.req.json<Record<string, unknown>>())
  const fields = Object.fromEntries(sent.filter(([name]) => !faulty.has(name)))
  throw new ServiceError('invalid_request', { errors: [...errors, ...further(c, { fields, faulty })] })
}

function toFieldErrors(issue: Issue): readonly FieldError[] {
  if (issue.code !== 'unrecognized_keys') return [toFieldError(issue.path, issue.message)]
  return issue.keys.map((key) => toFieldError([...issue.path, key], 'Unknown field.'))
}

/** `field` is the top-level name; the message says where below it. */
function toFieldError([field, ...below]: readonly PropertyKey[], message: string): FieldError {
  const place = below.map(String).join('.')
  return { field: String(field ?? ''), message: place === '' ? message : `${place}: ${message}` }
}

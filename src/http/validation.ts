/** A schema's issues as `invalid_request`: every field problem at once, never a value that was sent. */
import type { z } from '@hono/zod-openapi'
import { type FieldError, ServiceError } from '../errors.ts'

type Issue = z.core.$ZodIssue

type ValidationResult = { readonly success: boolean; readonly error?: { readonly issues: readonly Issue[] } }

/** For zod-openapi's `defaultHook`. @throws {ServiceError} `invalid_request` */
export function refuseInvalid(result: ValidationResult): void {
  if (result.success || result.error === undefined) return
  throw new ServiceError('invalid_request', { errors: result.error.issues.flatMap(toFieldErrors) })
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

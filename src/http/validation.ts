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
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((field) => ({ field, message: 'Unknown field.' }))
  return [{ field: String(issue.path[0] ?? ''), message: issue.message }]
}

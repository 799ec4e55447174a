/** A fault of an action, as the form that asked for it shows it. */
import type { AppContext } from '../http/context.ts'
import { toServiceError } from '../http/problem.ts'
import { retryAfter } from '../http/retry-after.ts'
import { type Failure, type FieldNames, toFailure } from './failure.ts'
import { viewOf } from './page.tsx'

export function failureOf(c: AppContext, fault: unknown, names?: FieldNames): Failure {
  const error = toServiceError(c, fault)
  c.set('errorCode', error.code)
  for (const [name, value] of Object.entries(retryAfter(error))) c.header(name, value)
  return toFailure(error, viewOf(c).words, names)
}

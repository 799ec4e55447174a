/** What became of a form: an error of the action, as the form that asked for it shows it, and the next challenge. */
import { challengeDue } from '../actions/attempts/challenges.ts'
import type { Challenge, ChallengeAction } from '../challenge/challenge.ts'
import { ERRORS } from '../errors/service-error.ts'
import type { AppContext } from '../http/context.ts'
import { toServiceError } from '../http/problem.ts'
import { requesterOf } from '../http/requester.ts'
import { retryAfter } from '../http/retry-after.ts'
import { type Failure, type FieldNames, toFailure } from './form-errors.ts'
import { viewOf } from './layout.tsx'

export function failureOf(c: AppContext, error: unknown, names?: FieldNames): Failure {
  const serviceError = toServiceError(c, error)
  c.set('errorCode', serviceError.code)
  for (const [name, value] of Object.entries(retryAfter(serviceError))) c.header(name, value)
  return toFailure(serviceError, viewOf(c).messages, names)
}

/** The challenge that the next attempt will need, on the page that says how the last one went. */
export async function challengeAfter(
  c: AppContext,
  failure: Failure | null,
  action: ChallengeAction,
): Promise<Challenge | null> {
  if (failure?.challenge) return failure.challenge
  // The counter itself may be what is out of reach.
  if (failure?.status === ERRORS.unavailable.status) return null
  return challengeDue(c.get('services'), requesterOf(c), action)
}

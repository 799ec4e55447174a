/**
 * The errors that the service throws. Rejected requests and failures are thrown as ServiceError. Every other thrown value
 * becomes 500 `internal`.
 */
import type { Challenge } from '../challenge/challenge.ts'
import { DEADLINE_MS, withDeadline } from '../runtime/deadline.ts'
import type { Permissions } from '../verify/bearer.ts'
import type { ErrorCode, OAuthErrorCode } from './codes.ts'

/** The members of a problem in addition to the standard ones (RFC 9457), named as on the wire. */
export interface ProblemMembers {
  /** Replaces the code's own text. */
  readonly detail?: string
  readonly field?: string
  readonly errors?: readonly FieldError[]
  readonly reasons?: readonly string[]
  readonly max_age?: number
  readonly missing?: Permissions
  readonly challenge?: Challenge
  readonly registered?: true
  readonly changed?: true
}

export interface FieldError {
  /** The top-level JSON name. */
  readonly field: string
  readonly message: string
  /** Why a password is too weak. */
  readonly reasons?: readonly string[]
}

export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly members: ProblemMembers
  /** When to try again; undefined if that is not known. */
  readonly retryAfterSeconds: number | undefined

  /** @param options `cause` is logged and never sent. */
  constructor(code: ErrorCode, members: ProblemMembers = {}, options: ServiceErrorOptions = {}) {
    super(code, options)
    this.name = 'ServiceError'
    this.code = code
    this.members = members
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

interface ServiceErrorOptions extends ErrorOptions {
  readonly retryAfterSeconds?: number
}

/** The results of a write and of its read-back are both lost, so that it is unknown whether the write took effect. */
export class UnconfirmedWriteError extends ServiceError {
  constructor(cause: unknown) {
    super('unavailable', {}, { cause })
    this.name = 'UnconfirmedWriteError'
  }
}

/**
 * Awaits work of a dependency (D1, a Durable Object) up to a deadline.
 * @throws {ServiceError} `unavailable` (503) for any error of the work or a missed deadline, with that error as its cause
 */
export async function orUnavailable<T>(
  work: PromiseLike<T>,
  members: ProblemMembers = {},
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  try {
    return await withDeadline(work, deadlineMs)
  } catch (cause) {
    throw new ServiceError('unavailable', members, { cause })
  }
}

export class OAuthError extends Error {
  readonly code: OAuthErrorCode

  constructor(code: OAuthErrorCode) {
    super(code)
    this.name = 'OAuthError'
    this.code = code
  }
}

/** The one error that the client's calls reject with. */
import type { Problem, ServiceErrorCode } from './wire.ts'

/** The service's codes, and three of the client's own. */
export type ErrorCode =
  | ServiceErrorCode
  /** No answer came: no network, or the service does not name this page's origin in CORS_ORIGINS. */
  | 'network'
  /** The browser keeps no cookie of the service: it is of another site, or cookies are blocked. */
  | 'cookie_blocked'
  /** The challenge's widget could not be loaded or shown. */
  | 'challenge_not_shown'

export interface ErrorDetails {
  /** The HTTP status; 0 where no answer came. */
  readonly status?: number
  /** The whole problem answer. */
  readonly problem?: Problem
  /** When it makes sense to try again, where the answer says so. */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** `switch (error.code)` tells what happened; `message` is for developers, in English. */
export class GatehouseError extends Error {
  override readonly name = 'GatehouseError'
  readonly code: ErrorCode
  readonly status: number
  readonly problem: Problem | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.code = code
    this.status = details.status ?? 0
    this.problem = details.problem
    this.retryAfterSeconds = details.retryAfterSeconds
  }
}

export async function toError(answer: Response): Promise<GatehouseError> {
  const problem: Problem | null = await answer.json().catch(() => null)
  const retryAfter = Number(answer.headers.get('Retry-After') ?? problem?.retry_after ?? Number.NaN)
  return new GatehouseError(problem?.code ?? 'internal', problem?.detail ?? `HTTP status ${answer.status}`, {
    status: answer.status,
    ...(problem?.code && { problem }),
    ...(Number.isFinite(retryAfter) && { retryAfterSeconds: retryAfter }),
  })
}

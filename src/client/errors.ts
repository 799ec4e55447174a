/** The error with which all calls of the SDK reject. */
import type { Problem, ServiceErrorCode } from './wire.ts'

/** The service's error codes, and three of the SDK. */
export type ErrorCode =
  | ServiceErrorCode
  /** No response: the browser is offline, or the service's CORS_ORIGINS does not contain this page's origin. */
  | 'network'
  /** The browser does not store the service's cookie: the service is on another site, or cookies are blocked. */
  | 'cookie_blocked'
  /** The challenge's widget could not be loaded or shown. */
  | 'challenge_not_shown'

export interface ErrorDetails {
  /** The HTTP status; 0 if there was no response. */
  readonly status?: number
  /** The whole problem response. */
  readonly problem?: Problem
  /** When to try again, if the response says so. */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/** Use `code` to tell errors apart. `message` is for developers, in English. */
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

export async function toError(response: Response): Promise<GatehouseError> {
  const problem: Problem | null = await response.json().catch(() => null)
  const retryAfter = Number(response.headers.get('Retry-After') ?? problem?.retry_after ?? Number.NaN)
  return new GatehouseError(
    problem?.code ?? 'internal',
    problem?.detail ?? `HTTP status ${response.status}`,
    {
      status: response.status,
      ...(problem?.code && { problem }),
      ...(Number.isFinite(retryAfter) && { retryAfterSeconds: retryAfter }),
    },
  )
}

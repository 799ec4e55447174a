/** The error of calls that the service or the browser makes fail. */
import type { LaterErrorCode, Problem, ServiceErrorCode } from './wire.ts'

/** The service's error codes, and three of the SDK. */
export type ErrorCode =
  | ServiceErrorCode
  | LaterErrorCode
  /**
   * No response in time: the browser is offline, the service is slow or redirects, or its CORS_ORIGINS does not contain this
   * page's origin.
   */
  | 'network'
  /** The browser does not store the service's cookie: the service is on another site, or cookies are blocked. */
  | 'cookie_blocked'
  /** The challenge's widget could not be loaded or shown. */
  | 'challenge_not_shown'

const SESSION_ENDED: readonly ErrorCode[] = ['invalid_refresh_token', 'refresh_token_reused']

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
  const retryAfter = Number(response.headers.get('Retry-After') ?? Number.NaN)
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

/** @returns whether the service stored the change although it responded with an error */
export function isStored(error: unknown): boolean {
  if (!(error instanceof GatehouseError)) return false
  return error.problem?.code === 'unavailable' && error.problem.changed === true
}

/** @returns whether the request may have taken effect without its response arriving here */
export function isLostResponse(error: unknown): boolean {
  return isStored(error) || (error instanceof GatehouseError && error.code === 'network')
}

/** @returns null if the error says that the session has ended. @throws the error otherwise */
export function nullIfEnded(error: unknown): null {
  if (error instanceof GatehouseError && SESSION_ENDED.includes(error.code)) return null
  throw error
}

/** Deadlines for calls of dependencies. */

/**
 * How long a dependency may take. After that it counts as unavailable: the response says that the client may try again, and
 * reservations elsewhere are released.
 */
export const DEADLINE_MS = 20_000

/** A dependency did not respond in time. The operation may still take effect. */
export class DeadlineExceededError extends Error {
  constructor(deadlineMs: number) {
    super(`no response within ${deadlineMs} ms`)
    this.name = 'DeadlineExceededError'
  }
}

/** Waits for a dependency until the deadline. @throws {DeadlineExceededError} and what `work` throws */
export async function withDeadline<T>(work: PromiseLike<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  const { promise: exceeded, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new DeadlineExceededError(deadlineMs)), deadlineMs)
  try {
    return await Promise.race([work, exceeded])
  } finally {
    clearTimeout(timer)
  }
}

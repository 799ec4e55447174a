/** How long anybody waits for a dependency. */

/**
 * How long a dependency may take. One that is still silent then counts as out of reach: a client that waits learns that
 * it may try again, and what it holds elsewhere is given back.
 */
export const DEADLINE_MS = 20_000

/** A dependency did not answer in time. What was asked of it may still happen. */
export class DeadlineExceededError extends Error {
  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`)
    this.name = 'DeadlineExceededError'
  }
}

/** Awaits work of a dependency for as long as it may take. @throws {DeadlineExceededError} and what `work` throws */
export async function withDeadline<T>(work: PromiseLike<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  const { promise: overdue, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new DeadlineExceededError(deadlineMs)), deadlineMs)
  try {
    return await Promise.race([work, overdue])
  } finally {
    clearTimeout(timer)
  }
}

/** The globals of app.html. */
import type { Client, createClient as CreateClient, Problem } from '../../src/client/index.ts'

declare global {
  var client: Client
  var createClient: typeof CreateClient
  /** Lets time limits pass, in the tabs of a visitor with a clock. */
  var advance: (passedMs: number) => void
  /** Releases the lock that the test holds in this tab. */
  var releaseLock: () => void
  /** The username after each change of the login, or null. */
  var changes: (string | null)[]
  var outcome: <T>(work: Promise<T>) => Promise<Outcome<T>>
}

export interface Outcome<T> {
  readonly value?: T
  readonly error?: {
    readonly name: string
    readonly code: string
    readonly status: number
    readonly message: string
    readonly problem?: Problem
  }
}

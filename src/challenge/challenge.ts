/** What every kind of challenge can do: be described to a client, and judge the answer. */

export const CHALLENGE_ACTIONS = ['login', 'register'] as const
export type ChallengeAction = (typeof CHALLENGE_ACTIONS)[number]

/** Who has to prove what. */
export interface ChallengeRequest {
  readonly action: ChallengeAction
  /** The name of the client's counter: an answer is good for this client alone. */
  readonly client: string
  /** How dear it is now: 0 to MAX_LEVEL (limits/window.ts). */
  readonly level: number
}

/** As clients see it (http-api.md, "Limits and challenges"). */
export interface Challenge {
  readonly provider: 'altcha' | 'turnstile' | 'hcaptcha'
  readonly action: ChallengeAction
  readonly site_key?: string
  readonly parameters?: object
}

export type ChallengeFailure =
  | 'malformed'
  | 'expired'
  | 'already_used'
  | 'wrong_action'
  | 'wrong_client'
  | 'unsolved'
  | 'too_cheap'
  | 'rejected'

export type Verification =
  | {
      readonly solved: true
      /** What must be claimed in the client's counter, where the provider itself does not see to single use. */
      readonly nonce: { readonly text: string; readonly expiresAtMs: number } | null
    }
  | { readonly solved: false; readonly reasons: readonly ChallengeFailure[] }

export interface ChallengeProvider {
  describe(request: ChallengeRequest, nowMs: number): Promise<Challenge>
  /**
   * Judges an answer, any text that a client sent.
   * @throws {ServiceError} `challenge_unavailable` where the provider is out of reach
   */
  verify(answer: string, request: ChallengeRequest, nowMs: number): Promise<Verification>
}

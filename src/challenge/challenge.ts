/** What every kind of challenge can do: be described to a client, and judge the answer. */

export const CHALLENGE_ACTIONS = ['login', 'register'] as const
export type ChallengeAction = (typeof CHALLENGE_ACTIONS)[number]

/** Who has to prove something, and for what. */
export interface ChallengeRequest {
  readonly action: ChallengeAction
  /** The name of the client's counter: an answer is good for this client alone. */
  readonly client: string
  /** The client's address, which a provider saw when the widget was solved. */
  readonly address: string
}

/** As clients see it. */
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
  | 'difficulty_too_low'
  | 'rejected'

/** What is to be claimed of an answer, once, before it counts for anything. */
export interface Claim {
  readonly nonce: string
  readonly expiresAtMs: number
  /** How dear it was. */
  readonly level: number
}

export type Verification =
  /** `claim` is null where the provider itself sees to single use. */
  | { readonly solved: true; readonly claim: Claim | null }
  /** No reason: nobody could judge it, and a challenge of another kind follows. */
  | { readonly solved: false; readonly reasons: readonly ChallengeFailure[] }

export interface ChallengeProvider {
  /** @param level how dear it is: 0 to MAX_DIFFICULTY (limits/window.ts) */
  describe(request: ChallengeRequest, level: number, nowMs: number): Promise<Challenge>
  /**
   * Judges an answer, any text that a client sent. Changes nothing here: who claims it comes afterwards.
   * @throws {ServiceError} `challenge_unavailable` where the provider is out of reach, `misconfigured` where it does not
   * know us
   */
  verify(answer: string, request: ChallengeRequest, nowMs: number): Promise<Verification>
}

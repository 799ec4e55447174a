/** The interface of challenge providers: each issues challenges and verifies responses. */
import type { CacheContext } from '../runtime/isolate-cache.ts'

export const CHALLENGE_ACTIONS = ['login', 'register'] as const
export type ChallengeAction = (typeof CHALLENGE_ACTIONS)[number]

/** Who has to solve a challenge, and for which action. */
export interface ChallengeRequest {
  readonly action: ChallengeAction
  /** The name of the requester's counter: a response is valid for this requester only. */
  readonly requesterCounter: string
  /** The requester's IP address, which a provider saw when the widget was solved. */
  readonly address: string
}

/** A challenge in the form in which responses contain it. */
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

/** A solved challenge. Its nonce must be consumed, once, before the challenge admits anything. */
export interface SolvedChallenge {
  readonly nonce: string
  readonly expiresAtMs: number
  readonly difficulty: number
}

export type Verification =
  /** `challenge` is null if the provider itself ensures that a response is used only once. */
  | { readonly solved: true; readonly challenge: SolvedChallenge | null }
  /** `reasons` is empty if the provider was unavailable; a proof of work is then issued. */
  | { readonly solved: false; readonly reasons: readonly ChallengeFailure[] }

export interface ChallengeProvider {
  /** @param difficulty 0 to MAX_DIFFICULTY (limits/window.ts) */
  issue(request: ChallengeRequest, difficulty: number, ctx: CacheContext): Promise<Challenge>
  /**
   * Verifies a response, which may be any text. Changes nothing here: the caller consumes the nonce afterwards.
   * @throws {ServiceError} `challenge_unavailable` if the provider is unavailable, `misconfigured` if it refuses our keys
   */
  verify(response: string, request: ChallengeRequest, nowMs: number): Promise<Verification>
}

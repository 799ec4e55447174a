/** `gatehouse-edge/verify`. */
export type { AccessTokenClaims } from './access-token.ts'
export type { AssertionClaims } from './assertion.ts'
export type { RequiredPermissions } from './bearer.ts'
export type { Fetch } from './fetch-text.ts'
export {
  type InvalidTokenReason,
  type Refusal,
  type RefusalCode,
  refusalOf,
  VerificationError,
} from './refusal.ts'
export type { KeyStore } from './remote-keys.ts'
export {
  createVerifier,
  type RequestLike,
  type Verifier,
  type VerifierOptions,
} from './verifier.ts'

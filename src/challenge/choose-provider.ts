/** The one choice of what stands between a client and one more attempt. */
import type { ChallengeConfig } from '../config/challenge.ts'
import type { ChallengeProvider } from './challenge.ts'
import { Fallback } from './outage.ts'
import { Siteverify } from './siteverify.ts'

/** @param proofOfWork the built-in one */
export function chooseProvider(
  { siteverify }: ChallengeConfig,
  proofOfWork: ChallengeProvider,
): ChallengeProvider {
  if (siteverify === null) return proofOfWork
  const provider = new Siteverify(siteverify)
  return siteverify.onOutage === 'altcha' ? new Fallback(provider, proofOfWork) : provider
}

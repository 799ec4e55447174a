/** The assertions of one isolate: each is used again within the first half of its life, so that few are signed. */
import type { Identity } from '../actions/identify.ts'
import type { Services } from '../services.ts'
import { signAssertion } from '../tokens/assertion.ts'

const LIFE_SECONDS = 60
/** Of one isolate; the oldest go first. */
const MAX_KEPT = 1_000

interface Kept {
  readonly assertion: string
  readonly reusedUntil: number
}

export class Assertions {
  readonly #kept = new Map<string, Kept>()

  /** @throws {ServiceError} `misconfigured`, `unavailable` */
  async of(services: Services, identity: Identity, audience: string): Promise<string> {
    const { subject, sessionId, roles, scope, claims } = identity
    const now = Math.floor(services.nowMs / 1000)
    const key = await services.signingKeys.signing(services.nowMs)
    const name = JSON.stringify([key.kid, claims.jti, audience, roles, scope])
    const kept = this.#kept.get(name)
    if (kept !== undefined && now < kept.reusedUntil) return kept.assertion
    const expiresAt = Math.min(now + LIFE_SECONDS, claims.exp)
    const issuer = services.config.tokens.issuer
    const content = { issuer, audience, subject, sessionId, roles, scope, issuedAt: now, expiresAt }
    const assertion = await signAssertion(content, key)
    this.#keep(name, { assertion, reusedUntil: now + (expiresAt - now) / 2 })
    return assertion
  }

  #keep(name: string, kept: Kept): void {
    this.#kept.delete(name)
    this.#kept.set(name, kept)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
  }
}

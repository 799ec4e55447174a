/** The rules of a token family: begin, rotate, grace period, reuse. Pure: takes records and the time, returns records. */
import type { SessionsConfig } from '../config/sessions.ts'
import type { Bytes } from '../crypto/bytes.ts'

/** One chain of rotating refresh tokens of a session, for one client. Times in unix milliseconds. */
export interface TokenFamily {
  readonly id: string
  /** `app`: refresh tokens at the API. `pages`: the cookie of the hosted pages, which rotates by a rule of its own. */
  readonly kind: 'app' | 'pages'
  readonly clientId: string
  /** The scope that was requested when the family was opened; null for everything. */
  readonly scope: readonly string[] | null
  /** SHA-256 of the family secret that its tokens carry. */
  readonly secretHash: Bytes
  readonly generation: number
  /**
   * Whether the generation before the current one has ended. In the family of an app, it ends when it is rotated out; in the
   * family of the pages, when the current one is first presented.
   */
  readonly previousEnded: boolean
  /** When the latest generations ended, the newest last. The grace period is counted from these times. */
  readonly endedAt: readonly number[]
  /** When the family was opened, last rotated, or used without a rotation that was due. */
  readonly lastUsedAt: number
}

/** The part of a new family that the Worker decides. */
export type NewFamily = Pick<TokenFamily, 'id' | 'kind' | 'clientId' | 'scope' | 'secretHash'>

/** The client of the hosted pages' families. It never appears in a token. */
export const PAGES_CLIENT_ID = 'gatehouse-pages'

/** Maximum number of families of a session. One more ends the least recently used one. */
export const MAX_FAMILIES = 20

/** How many end times are kept for the grace period. No correct client rotates more often within it. */
const REMEMBERED_GENERATIONS = 100

const PAGES_ROTATE_AFTER_MS = 3_600_000

/** A presented token of the family, after its secret was verified. */
export interface Presentation {
  readonly generation: number
  /** Whether the token is sent with a form. The cookie of the pages then rotates at once. */
  readonly withForm: boolean
}

export type RotationDecision =
  /** There is a new current generation. */
  | { readonly outcome: 'rotated'; readonly family: TokenFamily }
  /** The current token is returned again: within the grace period, or because no rotation is due. */
  | { readonly outcome: 'repeated'; readonly family: TokenFamily }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'unknown' }

export function beginFamily(family: NewFamily, nowMs: number): TokenFamily {
  return { ...family, generation: 0, previousEnded: true, endedAt: [], lastUsedAt: nowMs }
}

/** @returns the decision; its family is the same object if nothing is to be stored */
export function rotate(
  family: TokenFamily,
  { generation, withForm }: Presentation,
  policy: SessionsConfig,
  nowMs: number,
): RotationDecision {
  if (generation > family.generation) return { outcome: 'unknown' }
  if (generation <= lastEnded(family)) return checkEnded(family, generation, policy, nowMs)
  if (family.kind === 'app') return { outcome: 'rotated', family: nextGeneration(family, policy, nowMs) }
  const due = withForm || nowMs - family.lastUsedAt >= pagesRotateAfterMs(policy)
  if (generation < family.generation) return repeatUnpresented(family, due, nowMs)
  const presented = family.previousEnded ? family : withPreviousEnded(family, policy, nowMs)
  if (!due) return { outcome: 'repeated', family: presented }
  return { outcome: 'rotated', family: nextGeneration(presented, policy, nowMs) }
}

/** Half of the idle time at most, so that a session of the pages in use does not expire between two rotations. */
function pagesRotateAfterMs({ idleSeconds }: SessionsConfig): number {
  return Math.min(PAGES_ROTATE_AFTER_MS, (idleSeconds * 1000) / 2)
}

/** The browser has not stored the current token of the pages: a lost response, or a browser restored from disk. */
function repeatUnpresented(family: TokenFamily, due: boolean, nowMs: number): RotationDecision {
  return { outcome: 'repeated', family: due ? { ...family, lastUsedAt: nowMs } : family }
}

function nextGeneration(family: TokenFamily, policy: SessionsConfig, nowMs: number): TokenFamily {
  const next = { ...family, generation: family.generation + 1, previousEnded: false, lastUsedAt: nowMs }
  return family.kind === 'app' ? withPreviousEnded(next, policy, nowMs) : next
}

function withPreviousEnded(family: TokenFamily, policy: SessionsConfig, nowMs: number): TokenFamily {
  const inGrace = family.endedAt.filter((endedAt) => isInGrace(endedAt, policy, nowMs))
  return { ...family, previousEnded: true, endedAt: [...inGrace, nowMs].slice(-REMEMBERED_GENERATIONS) }
}

/** @returns the latest generation that has ended; negative for none */
function lastEnded({ generation, previousEnded }: TokenFamily): number {
  return previousEnded ? generation - 1 : generation - 2
}

function checkEnded(
  family: TokenFamily,
  generation: number,
  policy: SessionsConfig,
  nowMs: number,
): RotationDecision {
  const endedAt = family.endedAt.at(generation - lastEnded(family) - 1)
  const inGrace = endedAt !== undefined && isInGrace(endedAt, policy, nowMs)
  return inGrace ? { outcome: 'repeated', family } : { outcome: 'reused' }
}

function isInGrace(endedAtMs: number, { graceSeconds }: SessionsConfig, nowMs: number): boolean {
  return nowMs - endedAtMs < graceSeconds * 1000
}

/** The hosted pages' access to a session: the page token in their cookie. */

import { sha256 } from '../../crypto/bytes.ts'
import { orUnavailable } from '../../errors/service-error.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import { makeRefreshToken } from '../../sessions/refresh-token.ts'
import type { RequestContext } from '../request-context.ts'
import { readOwnToken } from './end-sessions.ts'
import { type IssuedTokens, issueTokens } from './issue-tokens.ts'

/** The session of a browser's page cookie. */
export interface PageSession {
  readonly activeSession: ActiveSession
  /** The page token that the cookie should contain. It differs from the current one if AUTH_SECRET was replaced. */
  readonly pageToken: string
}

/**
 * Uses the session of a page cookie.
 * @returns null if the session has ended or the token is invalid
 * @throws {ServiceError} `misconfigured`, `unavailable`
 */
export async function resumeSession(ctx: RequestContext, text: string): Promise<PageSession | null> {
  const used = await usePageToken(ctx, text)
  if (used === null) return null
  return {
    activeSession: used.activeSession,
    pageToken: await makeRefreshToken(used.token, await ctx.services.pageKeys()),
  }
}

/**
 * Issues the current tokens of a page cookie's session, without rotation: for a browser whose refresh cookie is missing or
 * belongs to another session.
 * @returns null if the session has ended or the token is invalid
 * @throws {ServiceError} `misconfigured`, `unavailable`
 */
export async function issueToPages(ctx: RequestContext, text: string): Promise<IssuedTokens | null> {
  const key = await ctx.services.signingKeys.signing(ctx)
  const used = await usePageToken(ctx, text)
  return used && issueTokens(ctx, key, used.activeSession, used.token.sessionSecret)
}

/** Makes the page token of a session. Page tokens do not rotate, so that a lost response does not end the session. */
export async function pageTokenOf(
  { services: { pageKeys } }: RequestContext,
  { profile, session, sessionSecret }: IssuedTokens,
): Promise<string> {
  const token = { accountId: profile.id, sessionId: session.id, generation: 0, sessionSecret }
  return makeRefreshToken(token, await pageKeys())
}

async function usePageToken(ctx: RequestContext, text: string) {
  const token = await readOwnToken(ctx, text, await ctx.services.pageKeys())
  if (token === null) return null
  const { sessionId, accountId, sessionSecret } = token
  const { sessionsNotBeforeMs } = await ctx.services.settings.current(ctx)
  const secretHash = await sha256(sessionSecret)
  const presented = { sessionId, secretHash, policy: ctx.services.config.sessions, sessionsNotBeforeMs }
  const activeSession = await orUnavailable(ctx.services.accountObject(accountId).resume(presented))
  return activeSession && { token, activeSession }
}

/** The hosted pages' access to a session: a token family of their own, whose tokens their cookie contains. */

import { orUnavailable, type ProblemMembers } from '../../errors/service-error.ts'
import type { ActiveSession, OpenFamilyRequest } from '../../sessions/account-rpc.ts'
import { type IssuableFamily, readRefreshToken } from '../../sessions/refresh-token.ts'
import type { RequestContext } from '../request-context.ts'
import { readOwnToken } from './end-sessions.ts'
import { type IssuedTokens, issueTokens, makePageToken } from './issue-tokens.ts'
import { makeAppFamily, makePagesFamily } from './open-session.ts'
import { presentToken } from './refresh.ts'

/** The session of a browser's page cookie. */
export interface PageSession {
  readonly activeSession: ActiveSession
  /** The page token that the cookie should contain. It differs after a rotation, and if AUTH_SECRET was replaced. */
  readonly pageToken: string
}

/**
 * Uses the session of a page cookie. The cookie rotates if the last rotation was an hour ago, or with a form.
 * @returns null if the session has ended or the token is invalid
 * @throws {ServiceError} `misconfigured`, `unavailable`
 */
export async function presentPageToken(
  ctx: RequestContext,
  text: string,
  withForm: boolean,
): Promise<PageSession | null> {
  const token = await readOwnToken(ctx, text, await ctx.services.pageKeys())
  if (token === null) return null
  const result = await presentToken(ctx, token, withForm)
  if (result.outcome === 'unknown' || result.outcome === 'reused') return null
  const { active } = result
  const { family } = active
  const pages = { family, generation: family.generation, secret: token.familySecret }
  return { activeSession: active, pageToken: await makePageToken(ctx, active, pages) }
}

/**
 * Opens a family for an app under the session of the pages.
 * @param refreshCookie the cookie that the tokens replace. Its family ends if it belongs to the same session.
 * @returns null if the session has ended
 * @throws {ServiceError} `misconfigured`, `unavailable`
 */
export async function openAppFamily(
  ctx: RequestContext,
  current: ActiveSession,
  refreshCookie: string | undefined,
): Promise<IssuedTokens | null> {
  const key = await ctx.services.signingKeys.signing(ctx)
  const replaced = await readRefreshToken(refreshCookie ?? '', await ctx.services.refreshKeys())
  const replacing = replaced?.sessionId === current.session.id ? { replacedId: replaced.familyId } : {}
  const app = await makeAppFamily(ctx, null)
  const activeSession = await openFamily(ctx, current, app, {}, replacing)
  return activeSession && issueTokens(ctx, key, { activeSession, app, pages: null })
}

/**
 * Opens the pages' family again after a change of the password, which ended it with the others.
 * @returns the tokens with the page token
 * @throws {ServiceError} `unavailable` with `changed`
 */
export async function withPageToken(ctx: RequestContext, tokens: IssuedTokens): Promise<IssuedTokens> {
  const pages = await makePagesFamily(ctx)
  const activeSession = await openFamily(ctx, tokens, pages, { changed: true })
  return { ...tokens, pageToken: activeSession && (await makePageToken(ctx, activeSession, pages)) }
}

async function openFamily(
  ctx: RequestContext,
  { profile, session }: ActiveSession,
  { family }: IssuableFamily,
  members: ProblemMembers,
  replacing: Pick<OpenFamilyRequest, 'replacedId'> = {},
): Promise<ActiveSession | null> {
  const { services } = ctx
  const { sessionsNotBeforeMs } = await services.settings.current(ctx)
  const policy = services.config.sessions
  const request = { sessionId: session.id, family, policy, sessionsNotBeforeMs, ...replacing }
  return orUnavailable(services.accountObject(profile.id).openFamily(request), members)
}

/** Ends and lists sessions. */

import { sha256 } from '../../crypto/bytes.ts'
import { isId } from '../../crypto/ids.ts'
import type { PurposeKeys } from '../../crypto/secrets.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { EndBySecretResult } from '../../sessions/account-rpc.ts'
import { type RefreshToken, readRefreshToken } from '../../sessions/refresh-token.ts'
import type { Session } from '../../sessions/session.ts'
import { confirmPassword } from '../account/change-account.ts'
import type { RateLimitedRequest } from '../attempts/reserve-attempt.ts'
import type { AccountContext, RequestContext } from '../request-context.ts'
import { requireFreshLogin } from './authorize.ts'

/**
 * Ends the session of a refresh token of any generation. An invalid token ends nothing.
 * @throws {ServiceError} `misconfigured` if the token may have been made under another AUTH_SECRET; `unavailable`
 */
export async function logOutByRefreshToken(ctx: RequestContext, text: string): Promise<void> {
  const token = await readOwnRefreshToken(ctx, text)
  if (token === null) return
  ctx.addToRequestLog({ accountId: token.accountId })
  await endByTokens(ctx, [token])
}

/** How long a login waits until the session that it replaces, possibly of another account, has ended. */
const REPLACED_DEADLINE_MS = 2_000

/** The session tokens in a browser's cookies; undefined for a cookie that was not sent. */
export interface BrowserCookies {
  readonly refresh: string | undefined
  readonly page?: string | undefined
}

/** Ends every session in the browser's cookies. @throws {ServiceError} as logOutByRefreshToken */
export async function logOutOfBrowser(ctx: RequestContext, { refresh, page }: BrowserCookies): Promise<void> {
  const tokens = [
    refresh === undefined ? null : await readOwnToken(ctx, refresh, await ctx.services.refreshKeys()),
    page === undefined ? null : await readOwnToken(ctx, page, await ctx.services.pageKeys()),
  ]
  for (const ofSession of bySession(tokens)) await endByTokens(ctx, ofSession)
}

/**
 * Ends the sessions whose cookies a login is about to overwrite; afterwards no cookie would refer to those sessions. The response
 * waits for it, for two seconds at most. A session that cannot be ended is logged, and remains in the list of sessions.
 * @param currentId the id of the session that the cookies contain from now on
 */
export async function endReplacedSessions(
  ctx: RequestContext,
  currentId: string,
  { refresh, page }: BrowserCookies,
): Promise<void> {
  const tokens = [
    refresh === undefined ? null : await readRefreshToken(refresh, await ctx.services.refreshKeys()),
    page === undefined ? null : await readRefreshToken(page, await ctx.services.pageKeys()),
  ]
  const replaced = tokens.map((token) => (token?.sessionId === currentId ? null : token))
  await Promise.all(bySession(replaced).map((ofSession) => endOrWarn(ctx, ofSession)))
}

type Tokens = readonly [RefreshToken, ...RefreshToken[]]

/** @returns the valid tokens, those of one session together. Each cookie has a family of its own, and one of them may have ended. */
function bySession(tokens: readonly (RefreshToken | null)[]): readonly Tokens[] {
  const sessions = new Map<string, Tokens>()
  for (const token of tokens) {
    if (token === null) continue
    const { sessionId } = token
    sessions.set(sessionId, [token, ...(sessions.get(sessionId) ?? [])])
  }
  return [...sessions.values()]
}

async function endOrWarn(ctx: RequestContext, tokens: Tokens): Promise<void> {
  try {
    await endByTokens(ctx, tokens, undefined, REPLACED_DEADLINE_MS)
  } catch (error) {
    const [{ accountId, sessionId }] = tokens
    log('warn', 'replaced_session_not_ended', {
      request_id: ctx.requestId,
      account_id: accountId,
      session_id: sessionId,
      error: describeError(error),
    })
  }
}

/**
 * Ends the session of tokens of any generation.
 * @param tokens of one session; it ends if one of their families belongs to it
 * @param clientId the client that the family must belong to
 * @throws {ServiceError} `unavailable`
 */
export async function endByTokens(
  { services }: RequestContext,
  tokens: Tokens,
  clientId?: string,
  deadlineMs?: number,
): Promise<EndBySecretResult> {
  const [{ accountId, sessionId }] = tokens
  const presented = await Promise.all(
    tokens.map(async ({ familyId, familySecret }) => ({ familyId, secretHash: await sha256(familySecret) })),
  )
  const ofClient = clientId === undefined ? {} : { clientId }
  const request = { sessionId, presented, policy: services.config.sessions, ...ofClient }
  return orUnavailable(services.accountObject(accountId).endBySecret(request), {}, deadlineMs)
}

/**
 * @returns null if the text is not a refresh token of this service
 * @throws {ServiceError} `misconfigured` if it may have been made under another AUTH_SECRET
 */
export async function readOwnRefreshToken(ctx: RequestContext, text: string): Promise<RefreshToken | null> {
  return readOwnToken(ctx, text, await ctx.services.refreshKeys())
}

/**
 * Reads a token of this service. If it is invalid, checks that AUTH_SECRET is the one of the signing keys: if not, the token may
 * have been made under another AUTH_SECRET.
 * @returns null if the text is not a token made with these keys
 * @throws {ServiceError} `misconfigured`, `unavailable`
 */
export async function readOwnToken(
  ctx: RequestContext,
  text: string,
  keys: PurposeKeys,
): Promise<RefreshToken | null> {
  const token = await readRefreshToken(text, keys)
  if (token === null) await ctx.services.signingKeys.signing(ctx)
  return token
}

/** A request to end sessions. It needs the password, or a fresh login if it contains none. */
export interface EndSessionsRequest extends RateLimitedRequest {
  readonly password: string | undefined
}

/**
 * Ends another session of the account, or logs out. The password or the fresh login is checked first, whatever the id is, so
 * that the response reveals nothing about the id without it.
 * @throws {ServiceError} as confirmOwner; `not_found` if the account has no live session with this id; `invalid_token` if the
 * session of the request has ended since
 */
export async function endSession(
  ctx: AccountContext,
  request: EndSessionsRequest,
  sessionId: string,
): Promise<void> {
  const { profile, session } = ctx.actor
  if (sessionId === session.id) return logOut(ctx)
  await confirmOwner(ctx, request)
  const { sessionsNotBeforeMs } = await ctx.services.settings.current(ctx)
  const object = ctx.services.accountObject(profile.id)
  const policy = ctx.services.config.sessions
  const ending = () =>
    orUnavailable(object.end({ sessionId, sessionsNotBeforeMs, requestedBy: session.id, policy }))
  const ended = isId(sessionId) && (await ending())
  if (ended) return
  const current = await orUnavailable(object.check({ sessionId: session.id, sessionsNotBeforeMs }))
  throw new ServiceError(current === null ? 'invalid_token' : 'not_found')
}

/** Ends the session of the request, which may have ended already. */
export async function logOut(ctx: AccountContext): Promise<void> {
  const { profile, session } = ctx.actor
  const policy = ctx.services.config.sessions
  await orUnavailable(ctx.services.accountObject(profile.id).end({ sessionId: session.id, policy }))
}

/**
 * Ends all sessions of the account.
 * @param except `current` excludes the session of the request
 * @throws {ServiceError} as confirmOwner; `invalid_token` if the session of the request has ended since
 */
export async function endAllSessions(
  ctx: AccountContext,
  request: EndSessionsRequest,
  except?: 'current',
): Promise<void> {
  await confirmOwner(ctx, request)
  const { profile, session } = ctx.actor
  const excepted = except === 'current' ? { exceptId: session.id } : {}
  const ending = { requestedBy: session.id, policy: ctx.services.config.sessions, ...excepted }
  const ended = await orUnavailable(ctx.services.accountObject(profile.id).endAll(ending))
  if (!ended) throw new ServiceError('invalid_token')
}

/**
 * Requires the password, or a fresh login if the request contains none. A password must be correct even if the login is fresh.
 * @throws {ServiceError} `insufficient_user_authentication` if there is no password and no fresh login; as confirmPassword
 */
async function confirmOwner(
  ctx: AccountContext,
  { password, ...request }: EndSessionsRequest,
): Promise<void> {
  if (password === undefined) return requireFreshLogin(ctx, ctx.actor.session)
  await confirmPassword(ctx, { ...request, password })
}

/** @returns the live sessions, most recently used first */
export async function listSessions(ctx: AccountContext): Promise<readonly Session[]> {
  const { profile } = ctx.actor
  const { sessionsNotBeforeMs } = await ctx.services.settings.current(ctx)
  return orUnavailable(ctx.services.accountObject(profile.id).list({ sessionsNotBeforeMs }))
}

/** Ending and listing sessions. */
import { sha256, toBase64Url } from '../../crypto/bytes.ts'
import { isId } from '../../crypto/ids.ts'
import type { PurposeKeys } from '../../crypto/secrets.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import { makeRefreshToken, type RefreshToken, readRefreshToken } from '../../sessions/refresh-token.ts'
import type { Session } from '../../sessions/session.ts'
import { confirmPassword } from '../account/change-account.ts'
import type { RateLimitedRequest } from '../attempts/run-attempt.ts'
import { requireFreshLogin } from './authorize.ts'
import { type IssuedTokens, issueTokens } from './issue-tokens.ts'

/**
 * Ends the session that a refresh token of any generation belongs to; a garbage token ends nothing.
 * @returns the account that it speaks of, null for garbage
 * @throws {ServiceError} `misconfigured` where the token may be one of another AUTH_SECRET; `unavailable`
 */
export async function logOutByRefreshToken(services: Services, text: string): Promise<string | null> {
  return endByToken(services, await readOwnRefreshToken(services, text))
}

/** How long a login waits for the end of the session that it replaces, which may be another account's. */
const REPLACED_DEADLINE_MS = 2_000

/** The cookies by which a browser holds sessions; undefined for one that it did not send. */
export interface BrowserCookies {
  readonly refresh: string | undefined
  readonly page?: string | undefined
}

/** Ends every session that a browser holds; as logOutByRefreshToken. */
export async function logOutOfBrowser(services: Services, { refresh, page }: BrowserCookies): Promise<void> {
  const tokens = [
    refresh === undefined ? null : await readOwnToken(services, refresh, await services.refreshKeys()),
    page === undefined ? null : await readOwnToken(services, page, await services.pageKeys()),
  ]
  for (const token of onePerSession(tokens)) await endByToken(services, token)
}

/**
 * Ends the sessions that a browser held before it was given the cookies of another: afterwards no cookie holds them. Awaited
 * before the response; one that an error lets live is logged, is in the list of sessions, and costs the login two seconds at most.
 * @param currentId of the session that the browser holds from now on
 */
export async function endReplacedSessions(
  services: Services,
  currentId: string,
  { refresh, page }: BrowserCookies,
): Promise<void> {
  const tokens = [
    refresh === undefined ? null : await readRefreshToken(refresh, await services.refreshKeys()),
    page === undefined ? null : await readRefreshToken(page, await services.pageKeys()),
  ]
  const replaced = onePerSession(tokens).filter(({ sessionId }) => sessionId !== currentId)
  await Promise.all(replaced.map((token) => endOrWarn(services, token)))
}

/** The two cookies of one session have the same secret. After a password change they differ, and only one ends it. */
function onePerSession(tokens: readonly (RefreshToken | null)[]): readonly RefreshToken[] {
  const known = tokens.filter((token) => token !== null)
  return [...new Map(known.map((token) => [toBase64Url(token.sessionSecret), token])).values()]
}

async function endOrWarn(services: Services, token: RefreshToken): Promise<void> {
  try {
    await endByToken(services, token, REPLACED_DEADLINE_MS)
  } catch (error) {
    log('warn', 'replaced_session_not_ended', {
      request_id: services.requestId,
      account_id: token.accountId,
      session_id: token.sessionId,
      error: describeError(error),
    })
  }
}

async function endByToken(
  services: Services,
  token: RefreshToken | null,
  deadlineMs?: number,
): Promise<string | null> {
  if (token === null) return null
  const secretHash = await sha256(token.sessionSecret)
  const ending = services.accountObject(token.accountId).endBySecret(token.sessionId, secretHash)
  await orUnavailable(ending, {}, deadlineMs)
  return token.accountId
}

/**
 * @returns null for what is no refresh token of this service
 * @throws {ServiceError} `misconfigured` where it may be one of another AUTH_SECRET
 */
export async function readOwnRefreshToken(services: Services, text: string): Promise<RefreshToken | null> {
  return readOwnToken(services, text, await services.refreshKeys())
}

async function readOwnToken(
  services: Services,
  text: string,
  keys: PurposeKeys,
): Promise<RefreshToken | null> {
  const token = await readRefreshToken(text, keys)
  if (token === null) await services.signingKeys.signing(services.nowMs)
  return token
}

/** A browser that hosted pages know. */
export interface Resumed {
  readonly activeSession: ActiveSession
  /** The token that it should hold: another one where AUTH_SECRET was replaced meanwhile. */
  readonly pageToken: string
}

/**
 * Who a hosted page's cookie speaks for.
 * @returns null where its session has ended
 * @throws {ServiceError} `misconfigured`, `unavailable`
 */
export async function resumeSession(services: Services, text: string): Promise<Resumed | null> {
  const used = await usePageToken(services, text)
  if (used === null) return null
  return {
    activeSession: used.activeSession,
    pageToken: await makeRefreshToken(used.token, await services.pageKeys()),
  }
}

/**
 * The tokens of the session that a hosted page's cookie speaks for, as they stand: for a browser whose other cookie is gone, or
 * somebody else's.
 * @returns null where it has ended
 * @throws {ServiceError} `misconfigured`, `unavailable`
 */
export async function issueToPages(services: Services, text: string): Promise<IssuedTokens | null> {
  const key = await services.signingKeys.signing(services.nowMs)
  const used = await usePageToken(services, text)
  return used && issueTokens(services, key, used.activeSession, used.token.sessionSecret)
}

/** The token by which hosted pages know a browser. They rotate nothing, so that an answer which gets lost ends nothing. */
export async function pageTokenOf(
  { pageKeys }: Services,
  { profile, session, sessionSecret }: IssuedTokens,
): Promise<string> {
  const token = { accountId: profile.id, sessionId: session.id, generation: 0, sessionSecret }
  return makeRefreshToken(token, await pageKeys())
}

async function usePageToken(services: Services, text: string) {
  const token = await readOwnToken(services, text, await services.pageKeys())
  if (token === null) return null
  const { sessionId, accountId, sessionSecret } = token
  const { sessionsNotBeforeMs } = await services.settings.current(services.nowMs)
  const secretHash = await sha256(sessionSecret)
  const presented = { sessionId, secretHash, policy: services.config.sessions, sessionsNotBeforeMs }
  const activeSession = await orUnavailable(services.accountObject(accountId).resume(presented))
  return activeSession && { token, activeSession }
}

/** A call that ends sessions: by the password, or without one by a fresh login. */
export interface EndSessionsRequest extends RateLimitedRequest {
  readonly password: string | undefined
}

/**
 * Ends another session of the account, or logs out. What is asked for is proven before anything is said of the id, and even
 * where that is no id.
 * @throws {ServiceError} as confirmOwner; `not_found` if the account has no live session with this id; `invalid_token` if the
 * session that asks has ended since
 */
export async function endSession(
  services: Services,
  activeSession: ActiveSession,
  call: EndSessionsRequest,
  sessionId: string,
): Promise<void> {
  if (sessionId === activeSession.session.id) return logOut(services, activeSession)
  await confirmOwner(services, activeSession, call)
  const { sessionsNotBeforeMs } = await services.settings.current(services.nowMs)
  const object = services.accountObject(activeSession.profile.id)
  const { id } = activeSession.session
  const ended = isId(sessionId) && (await orUnavailable(object.end(sessionId, sessionsNotBeforeMs, id)))
  if (ended) return
  const asks = await orUnavailable(object.check(id, sessionsNotBeforeMs))
  throw new ServiceError(asks === null ? 'invalid_token' : 'not_found')
}

/** Ends the session that asks; it may have ended meanwhile. */
export async function logOut(services: Services, { profile, session }: ActiveSession): Promise<void> {
  await orUnavailable(services.accountObject(profile.id).end(session.id))
}

/**
 * @param except `current` keeps the session that asks
 * @throws {ServiceError} as confirmOwner; `invalid_token` if the session that asks has ended since
 */
export async function endAllSessions(
  services: Services,
  activeSession: ActiveSession,
  call: EndSessionsRequest,
  except?: 'current',
): Promise<void> {
  await confirmOwner(services, activeSession, call)
  const { id } = activeSession.session
  const ended = await orUnavailable(
    services.accountObject(activeSession.profile.id).endAll(except === 'current' ? id : undefined, id),
  )
  if (!ended) throw new ServiceError('invalid_token')
}

/**
 * A password that is sent must be right, however fresh the login is.
 * @throws {ServiceError} `insufficient_user_authentication` without one; as confirmPassword
 */
async function confirmOwner(
  services: Services,
  activeSession: ActiveSession,
  { password, ...call }: EndSessionsRequest,
): Promise<void> {
  if (password === undefined) return requireFreshLogin(services, activeSession.session)
  await confirmPassword(services, activeSession, { ...call, password })
}

/** The live sessions, newest use first. */
export async function listSessions(
  services: Services,
  { profile }: ActiveSession,
): Promise<readonly Session[]> {
  const { sessionsNotBeforeMs } = await services.settings.current(services.nowMs)
  return orUnavailable(services.accountObject(profile.id).list(sessionsNotBeforeMs))
}

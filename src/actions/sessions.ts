/** Ending and listing sessions. */
import { sha256 } from '../bytes.ts'
import { reach, ServiceError } from '../errors.ts'
import { isId } from '../ids.ts'
import type { PurposeKeys } from '../secrets.ts'
import type { Services } from '../services.ts'
import type { Grant } from '../sessions/account-calls.ts'
import { makeRefreshToken, type RefreshToken, readRefreshToken } from '../sessions/refresh-token.ts'
import type { Session } from '../sessions/session.ts'
import { type IssuedTokens, issueTokens } from './issue-tokens.ts'

/**
 * Ends the session that a refresh token of any generation belongs to; a garbage token ends nothing.
 * @returns the account that it speaks of, null for garbage
 * @throws {ServiceError} `misconfigured` where the token may be one of another AUTH_SECRET; `unavailable`
 */
export async function logOutByRefreshToken(services: Services, text: string): Promise<string | null> {
  return endByToken(services, await readOwnRefreshToken(services, text))
}

/** Ends the session that a hosted page's cookie belongs to; as logOutByRefreshToken. */
export async function logOutOfPages(services: Services, text: string): Promise<string | null> {
  return endByToken(services, await readOwnToken(services, text, await services.pageKeys()))
}

async function endByToken(services: Services, token: RefreshToken | null): Promise<string | null> {
  if (token === null) return null
  const secretHash = await sha256(token.sessionSecret)
  await reach(services.accountObject(token.accountId).endBySecret(token.sessionId, secretHash))
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
  readonly grant: Grant
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
  return { grant: used.grant, pageToken: await makeRefreshToken(used.token, await services.pageKeys()) }
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
  return used && issueTokens(services, key, used.grant, used.token.sessionSecret)
}

/** The token by which hosted pages know a browser. They rotate nothing, so that an answer which gets lost ends nothing. */
export async function pageTokenOf(
  { pageKeys }: Services,
  { facts, session, sessionSecret }: IssuedTokens,
): Promise<string> {
  const token = { accountId: facts.id, sessionId: session.id, generation: 0, sessionSecret }
  return makeRefreshToken(token, await pageKeys())
}

async function usePageToken(services: Services, text: string) {
  const token = await readOwnToken(services, text, await services.pageKeys())
  if (token === null) return null
  const { sessionId, accountId, sessionSecret } = token
  const { sessionsFromMs } = await services.settings.current(services.nowMs)
  const secretHash = await sha256(sessionSecret)
  const presented = { sessionId, secretHash, policy: services.config.sessions, sessionsFromMs }
  const grant = await reach(services.accountObject(accountId).resume(presented))
  return grant && { token, grant }
}

/** @throws {ServiceError} `not_found` where the account has no live session with this id */
export async function endSession(services: Services, { facts }: Grant, sessionId: string): Promise<void> {
  const { sessionsFromMs } = await services.settings.current(services.nowMs)
  const object = services.accountObject(facts.id)
  const ended = isId(sessionId) && (await reach(object.end(sessionId, sessionsFromMs)))
  if (!ended) throw new ServiceError('not_found')
}

/** Ends the session that asks; it may have ended meanwhile. */
export async function logOut(services: Services, { facts, session }: Grant): Promise<void> {
  await reach(services.accountObject(facts.id).end(session.id))
}

export async function endAllSessions(services: Services, { facts }: Grant): Promise<void> {
  await reach(services.accountObject(facts.id).endAll())
}

/** The live sessions, newest use first. */
export async function listSessions(services: Services, { facts }: Grant): Promise<readonly Session[]> {
  const { sessionsFromMs } = await services.settings.current(services.nowMs)
  return reach(services.accountObject(facts.id).list(sessionsFromMs))
}

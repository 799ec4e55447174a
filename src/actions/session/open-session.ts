/** Opens a session in the account's object, for login and registration. */

import { newId } from '../../crypto/ids.ts'
import { orUnavailable, type ProblemMembers } from '../../errors/service-error.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { OpenRequest } from '../../sessions/account-rpc.ts'
import { type IssuableFamily, makeFamily } from '../../sessions/refresh-token.ts'
import type { LiveState, NewSession, Transport } from '../../sessions/session.ts'
import { PAGES_CLIENT_ID } from '../../sessions/token-family.ts'
import { deliverAccountEvents } from '../account/deliver-outbox.ts'
import type { RequestContext } from '../request-context.ts'
import type { IssuableSession } from './issue-tokens.ts'

export interface SessionRequest {
  /** The requested scopes; null if the request names none. */
  readonly scope: readonly string[] | null
  readonly transport: Transport
  /** Whether the request is a form of the hosted pages, whose cookie gets a token family of its own. */
  readonly onPages?: boolean
}

export interface OpenedSession extends IssuableSession {
  readonly outcome: 'opened'
}

export type OpenSessionResult =
  | OpenedSession
  /** The state is not known to be current. `version` is the one that the object has; null if it has none. */
  | { readonly outcome: 'stale'; readonly version: number | null }

/** What opens the session, and where the account's state was read from. */
export interface Opening extends Pick<OpenRequest, 'activity' | 'readFrom' | 'replacesVersion'> {
  readonly authentication: Authentication
}

/** How the person was authenticated (RFC 8176, RFC 9470). */
type Authentication = Pick<NewSession, 'amr' | 'acr'>

export const BY_PASSWORD: Authentication = { amr: ['pwd'], acr: 'aal1' }

/**
 * @param members what the error response contains if the object is unavailable
 * @throws {ServiceError} `unavailable`
 */
export async function openSession(
  ctx: RequestContext,
  { scope, transport, onPages }: SessionRequest,
  state: LiveState,
  { authentication, ...opening }: Opening,
  members: ProblemMembers = {},
): Promise<OpenSessionResult> {
  const app = await makeAppFamily(ctx, scope)
  const pages = onPages === true ? await makePagesFamily(ctx) : null
  const session = {
    id: newId(ctx.nowMs),
    ...authentication,
    ip: ctx.requester.address?.shown ?? null,
    userAgent: ctx.requester.userAgent,
    ...ctx.requester.location,
    transport,
  }
  const families = pages === null ? [app.family] : [app.family, pages.family]
  const request = { session, families, state, policy: ctx.services.config.sessions, ...opening }
  const opened = ctx.services.accountObject(state.profile.id).open(request)
  const result = await orUnavailable(opened, members).catch((error: unknown) => {
    ctx.waitUntil(endOrphanedSession(ctx, state.profile.id, session.id))
    throw error
  })
  if (result.outcome === 'stale') return result
  deliverAccountEvents(ctx, result.events)
  return { outcome: 'opened', activeSession: result.activeSession, app, pages }
}

/** Makes a family of the service's own client. @param scope the requested scopes; null for everything */
export function makeAppFamily(
  { services, nowMs }: RequestContext,
  scope: readonly string[] | null,
): Promise<IssuableFamily> {
  return makeFamily({ kind: 'app', clientId: services.config.tokens.clientId, scope }, nowMs)
}

export function makePagesFamily({ nowMs }: RequestContext): Promise<IssuableFamily> {
  return makeFamily({ kind: 'pages', clientId: PAGES_CLIENT_ID, scope: null }, nowMs)
}

/** Ends a session whose tokens were never issued, because the result of opening it was lost or is withheld. */
export async function endOrphanedSession(
  { services, requestId }: RequestContext,
  accountId: string,
  sessionId: string,
): Promise<void> {
  try {
    await services.accountObject(accountId).end({ sessionId, policy: services.config.sessions })
  } catch (error) {
    log('warn', 'orphaned_session', {
      request_id: requestId,
      account_id: accountId,
      error: describeError(error),
    })
  }
}

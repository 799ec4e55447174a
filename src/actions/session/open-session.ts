/** Opens a session in the account's object, for login and registration. */

import { type Bytes, randomBytes, sha256 } from '../../crypto/bytes.ts'
import { newId } from '../../crypto/ids.ts'
import { orUnavailable, type ProblemMembers } from '../../errors/service-error.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { ActiveSession, OpenRequest } from '../../sessions/account-rpc.ts'
import { SESSION_SECRET_BYTES } from '../../sessions/refresh-token.ts'
import type { LiveState, Transport } from '../../sessions/session.ts'
import type { RequestContext } from '../request-context.ts'

export interface SessionRequest {
  /** The requested scopes; null if the request names none. */
  readonly scope: readonly string[] | null
  readonly transport: Transport
}

export interface OpenedSession {
  readonly outcome: 'opened'
  readonly activeSession: ActiveSession
  readonly sessionSecret: Bytes
}

export type OpenSessionResult =
  | OpenedSession
  /** The state is not known to be current. `version` is the one that the object has; null if it has none. */
  | { readonly outcome: 'stale'; readonly version: number | null }

/** Where the account's state was read from. */
type StateSource = Pick<OpenRequest, 'readFrom' | 'replacesVersion'>

/**
 * @param members what the error response contains if the object is unavailable
 * @throws {ServiceError} `unavailable`
 */
export async function openSession(
  ctx: RequestContext,
  request: SessionRequest,
  state: LiveState,
  source: StateSource,
  members: ProblemMembers = {},
): Promise<OpenSessionResult> {
  const sessionSecret = randomBytes(SESSION_SECRET_BYTES)
  const session = {
    id: newId(ctx.nowMs),
    secretHash: await sha256(sessionSecret),
    scope: request.scope,
    amr: ['pwd'],
    clientId: ctx.services.config.tokens.clientId,
    ip: ctx.requester.address?.shown ?? null,
    userAgent: ctx.requester.userAgent,
    ...ctx.requester.location,
    transport: request.transport,
  }
  const policy = ctx.services.config.sessions
  const opening = ctx.services.accountObject(state.profile.id).open({ session, state, policy, ...source })
  const result = await orUnavailable(opening, members).catch((error: unknown) => {
    ctx.waitUntil(endOrphanedSession(ctx, state.profile.id, session.id))
    throw error
  })
  if (result.outcome === 'stale') return result
  return { outcome: 'opened', activeSession: result.activeSession, sessionSecret }
}

/** Ends a session whose tokens were never issued, because the result of opening it was lost or is withheld. */
export async function endOrphanedSession(
  { services: { accountObject }, requestId }: RequestContext,
  accountId: string,
  sessionId: string,
): Promise<void> {
  try {
    await accountObject(accountId).end(sessionId)
  } catch (error) {
    log('warn', 'orphaned_session', {
      request_id: requestId,
      account_id: accountId,
      error: describeError(error),
    })
  }
}

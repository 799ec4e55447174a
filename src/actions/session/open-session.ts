/** Opens a session in the account's object. Shared by log in and registration. */
import { type Bytes, randomBytes, sha256 } from '../../crypto/bytes.ts'
import { newId } from '../../crypto/ids.ts'
import { orUnavailable, type ProblemMembers } from '../../errors/service-error.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'
import type { ActiveSession, OpenRequest } from '../../sessions/account-rpc.ts'
import { SESSION_SECRET_BYTES } from '../../sessions/refresh-token.ts'
import type { LiveState, Transport } from '../../sessions/session.ts'
import type { Client } from '../attempts/requester-limits.ts'

export interface SessionRequest {
  readonly client: Client
  /** Scopes asked for; null for everything. */
  readonly scope: readonly string[] | null
  readonly transport: Transport
}

export type OpenedSession =
  | { readonly outcome: 'opened'; readonly activeSession: ActiveSession; readonly sessionSecret: Bytes }
  | { readonly outcome: 'stale'; readonly version: number | null }

type Basis = Pick<OpenRequest, 'readFrom' | 'replaces'>

/**
 * @param members what the problem answer says when the object is out of reach
 * @throws {ServiceError} `unavailable`
 */
export async function openSession(
  services: Services,
  request: SessionRequest,
  state: LiveState,
  readFrom: Basis,
  members: ProblemMembers = {},
): Promise<OpenedSession> {
  const sessionSecret = randomBytes(SESSION_SECRET_BYTES)
  const session = {
    id: newId(services.nowMs),
    secretHash: await sha256(sessionSecret),
    scope: request.scope,
    amr: ['pwd'],
    clientId: services.config.tokens.clientId,
    ip: request.client.address?.shown ?? null,
    userAgent: request.client.userAgent,
    ...request.client.place,
    transport: request.transport,
  }
  const policy = services.config.sessions
  const opening = services.accountObject(state.profile.id).open({ session, state, policy, ...readFrom })
  const answer = await orUnavailable(opening, members).catch((error: unknown) => {
    services.waitUntil(endOrphanedSession(services, state.profile.id, session.id))
    throw error
  })
  if (answer.outcome === 'stale') return answer
  return { outcome: 'opened', activeSession: answer.activeSession, sessionSecret }
}

/** Ends a session whose tokens nobody holds: its answer was lost, or is withheld. */
export async function endOrphanedSession(
  { accountObject, requestId }: Services,
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

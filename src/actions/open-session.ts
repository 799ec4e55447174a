/** Opens a session in the account's object and answers with its tokens. Shared by log in and registration. */
import { randomBytes, sha256 } from '../bytes.ts'
import { type ProblemMembers, reach } from '../errors.ts'
import { newId } from '../ids.ts'
import { describeFault, log } from '../log.ts'
import type { Services } from '../services.ts'
import type { OpenRequest } from '../sessions/account-object.ts'
import { SESSION_SECRET_BYTES } from '../sessions/refresh-token.ts'
import type { LiveState } from '../sessions/session.ts'
import type { SigningKey } from '../tokens/signing-keys.ts'
import { type IssuedTokens, issueTokens } from './issue-tokens.ts'

/** Where a session is opened from. */
export interface Client {
  readonly ip: string | null
  readonly userAgent: string | null
}

export interface SessionRequest {
  readonly key: SigningKey
  readonly client: Client
  /** Scopes asked for; null for everything. */
  readonly scope: readonly string[] | null
}

export type OpenedSession =
  | { readonly outcome: 'opened'; readonly tokens: IssuedTokens }
  | { readonly outcome: 'stale'; readonly version: number | null }

type Basis = Pick<OpenRequest, 'basis' | 'replaces'>

/**
 * @param members what the problem answer says when the object is out of reach
 * @throws {ServiceError} `unavailable`
 */
export async function openSession(
  services: Services,
  request: SessionRequest,
  state: LiveState,
  basis: Basis,
  members: ProblemMembers = {},
): Promise<OpenedSession> {
  const sessionSecret = randomBytes(SESSION_SECRET_BYTES)
  const session = {
    id: newId(services.nowMs),
    secretHash: await sha256(sessionSecret),
    scope: request.scope,
    amr: ['pwd'],
    clientId: services.config.tokens.clientId,
    ...request.client,
  }
  const policy = services.config.sessions
  const opening = services.accountObject(state.facts.id).open({ session, state, policy, ...basis })
  const answer = await reach(opening, members).catch((fault: unknown) => {
    services.waitUntil(endUnheld(services, state.facts.id, session.id))
    throw fault
  })
  if (answer.outcome === 'stale') return answer
  return { outcome: 'opened', tokens: await issueTokens(services, request.key, answer.grant, sessionSecret) }
}

/** Where the answer was lost the session may stand, and nobody holds its tokens. */
async function endUnheld(
  { accountObject, requestId }: Services,
  accountId: string,
  sessionId: string,
): Promise<void> {
  try {
    await accountObject(accountId).end(sessionId)
  } catch (fault) {
    log('warn', 'unheld_session_stays', {
      request_id: requestId,
      account_id: accountId,
      fault: describeFault(fault),
    })
  }
}

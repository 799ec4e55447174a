import { env } from 'cloudflare:workers'
import type { AccountProfile } from '../../src/accounts/account.ts'
import { randomBytes } from '../../src/crypto/bytes.ts'
import { newId } from '../../src/crypto/ids.ts'
import type { AccountStub } from '../../src/sessions/account-object.ts'
import type { OpenRequest } from '../../src/sessions/account-rpc.ts'
import type { LiveState, SessionPolicy } from '../../src/sessions/session.ts'
import { FROZEN_MS } from '../support/clock.ts'

export const DAY = 86_400
export const policy: SessionPolicy = {
  idleSeconds: 30 * DAY,
  maxSeconds: 90 * DAY,
  graceSeconds: 10,
  maxSessions: 3,
}

/** An account whose object stores nothing yet. */
export function newAccount() {
  const id = newId(FROZEN_MS)
  const stub = env.ACCOUNT.getByName(id)
  const object = stub as unknown as AccountStub
  const state = (version: number, changes: Partial<LiveState> = {}): LiveState => ({
    format: 1,
    version,
    sessionsNotBefore: 1,
    survivingSession: null,
    profile: { id, disabled: false, username: `v${version}` } as AccountProfile,
    ...changes,
  })
  const open = (opening: Pick<OpenRequest, 'state'> & Partial<OpenRequest>) =>
    object.open({ session: newSession(), policy, readFrom: 'primary', ...opening })
  return { stub, object, state, open }
}

export const newSession = () => ({
  id: newId(Date.now()),
  secretHash: randomBytes(32),
  scope: null,
  amr: ['pwd'],
  clientId: 'gatehouse',
  ip: null,
  userAgent: null,
  country: null,
  city: null,
  transport: 'body' as const,
})

import { env } from 'cloudflare:workers'
import { type AccountProfile, NO_PROFILE_FIELDS } from '../../src/accounts/account.ts'
import type { SessionsConfig } from '../../src/config/sessions.ts'
import { randomBytes } from '../../src/crypto/bytes.ts'
import { newId } from '../../src/crypto/ids.ts'
import type { AccountRpc, OpenRequest } from '../../src/sessions/account-rpc.ts'
import type { LiveState, NewSession } from '../../src/sessions/session.ts'
import type { NewFamily } from '../../src/sessions/token-family.ts'
import { FROZEN_MS } from '../support/clock.ts'

export const DAY = 86_400
export const policy: SessionsConfig = {
  idleSeconds: 30 * DAY,
  maxSeconds: 90 * DAY,
  graceSeconds: 10,
  maxSessions: 3,
  activityDays: 90,
}

/** The id of a session that does not exist. */
export const UNKNOWN_ID = '03a352eb-ffff-7000-8000-000000000000'

/** An account whose object stores nothing yet. */
export function newAccount() {
  const id = newId(FROZEN_MS)
  const stub = env.ACCOUNT.getByName(id)
  const state = (version: number, changes: Partial<LiveState> = {}): LiveState => ({
    format: 1,
    version,
    sessionsNotBefore: 1,
    survivingSession: null,
    profile: { id, disabled: false, username: `v${version}`, ...NO_PROFILE_FIELDS } as AccountProfile,
    ...changes,
  })
  const open = (opening: Pick<OpenRequest, 'state'> & Partial<OpenRequest>) =>
    stub.open({
      session: newSession(),
      families: [newFamily()],
      activity: 'login',
      policy,
      readFrom: 'primary',
      ...opening,
    })
  return { stub, object: stub as AccountRpc, state, open }
}

/** An account with one session. `presented` is a presentation of its family's first token. */
export async function newAccountWithSession(...families: readonly NewFamily[]) {
  const account = newAccount()
  const opened = await openOne(account, ...families)
  return { ...account, ...opened }
}

/** Opens a session under version 5. */
export async function openOne(
  { open, state }: Pick<ReturnType<typeof newAccount>, 'open' | 'state'>,
  ...families: readonly NewFamily[]
) {
  const [first = newFamily(), ...others] = families
  const result = await open({ state: state(5), families: [first, ...others] })
  if (result.outcome !== 'opened') throw new Error(result.outcome)
  const { session } = result.activeSession
  return { id: session.id, session, family: first, presented: present(session.id, first) }
}

export function present(sessionId: string, family: NewFamily, generation = 0) {
  return {
    sessionId,
    familyId: family.id,
    secretHash: family.secretHash,
    generation,
    withForm: false,
    policy,
    sessionsNotBeforeMs: 0,
  }
}

export const newSession = (changes: Partial<NewSession> = {}): NewSession => ({
  id: newId(Date.now()),
  amr: ['pwd'],
  acr: 'aal1',
  ip: null,
  userAgent: null,
  country: null,
  city: null,
  transport: 'body',
  ...changes,
})

export const newFamily = (changes: Partial<NewFamily> = {}): NewFamily => ({
  id: newId(Date.now()),
  kind: 'app',
  clientId: 'gatehouse',
  scope: null,
  secretHash: randomBytes(32),
  ...changes,
})

export const newPagesFamily = () => newFamily({ kind: 'pages', clientId: 'gatehouse-pages' })

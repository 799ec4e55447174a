/**
 * A small sequential model of one account and its sessions. A request whose response is lost has several possible
 * worlds as its outcome; each later response must match at least one of them.
 */

export const PASSWORDS = ['the first passphrase', 'the second passphrase'] as const
export type Password = (typeof PASSWORDS)[number]

export type Operation =
  | { readonly kind: 'register'; readonly password: Password }
  | { readonly kind: 'log in'; readonly password: Password }
  | { readonly kind: 'refresh'; readonly session: number }
  | { readonly kind: 'read profile'; readonly session: number }
  | {
      readonly kind: 'change password'
      readonly session: number
      readonly password: Password
      readonly to: Password
    }
  | {
      readonly kind: 'delete account' | 'end all' | 'end others'
      readonly session: number
      readonly password: Password
    }
  | { readonly kind: 'set name'; readonly session: number; readonly name: string }
  | { readonly kind: 'grant'; readonly role: string }
  | { readonly kind: 'disable' | 'enable' | 'end sessions' | 'cron' }

interface Account {
  readonly password: Password
  readonly disabled: boolean
  readonly role: string
  readonly name: string
}

/** `superseded`: alive, but its refresh token has been replaced by one that was lost with its response. */
type SessionState = 'usable' | 'superseded'

export interface World {
  /** The account in the database. */
  readonly account: Account | null
  /** The profile that the account's object reports, as `reported` writes it. */
  readonly reportedProfile: string
  /** The live sessions of the current account, by the number of the operation that opened them. */
  readonly sessions: ReadonlyMap<number, SessionState>
  /** The sessions as they will be once the account state is published; null if nothing is pending. */
  readonly pending: ReadonlyMap<number, SessionState> | null
  /** Whether the pending account state ends the sessions opened before it. */
  readonly pendingEndsSessions: boolean
  /** The account as its object has it, and as a lagging replica may still show it; null if the object has none. */
  readonly published: Account | null
  /** Sessions of a deleted account whose object has not received the deletion. Only cron publishes it. */
  readonly orphans: ReadonlyMap<number, OrphanedSession>
  /** Those deleted accounts, as their objects and a lagging replica may still show them. */
  readonly deletedAccounts: readonly Account[]
}

interface OrphanedSession {
  readonly state: SessionState
  readonly reportedProfile: string
}

export const EMPTY: World = {
  account: null,
  reportedProfile: '',
  sessions: new Map(),
  pending: null,
  pendingEndsSessions: false,
  published: null,
  orphans: new Map(),
  deletedAccounts: [],
}

/** The part of a profile that changes. */
export function reported({ role, name }: Pick<Account, 'role' | 'name'>): string {
  return `role ${role}, name ${name}`
}

export interface Step {
  /** `ok`, `ok` and the reported profile, or a problem's code. */
  readonly result: string
  readonly after: World
  /** Worlds in which the operation happened, in whole or in part, and its response was lost. */
  readonly responseLost: readonly World[]
  /** Worlds in which the result is `ok` because a replica shows older state and the object has no newer one. */
  readonly stale?: readonly World[]
}

/**
 * @param newSession the number of the session that the operation opens, if it opens one
 * @param atTokenCheck the world when the access token was checked: that result holds for the rest of the call
 */
export function step(world: World, operation: Operation, newSession: number, atTokenCheck = world): Step {
  const { account } = world
  switch (operation.kind) {
    case 'register':
      return account === null
        ? register(world, operation.password, newSession)
        : unchanged(world, 'identifier_taken')
    case 'log in':
      return logIn(world, operation.password, newSession)
    case 'refresh':
      return refresh(world, operation.session)
    case 'read profile':
      return readProfile(world, operation.session)
    case 'set name':
      return withToken(world, atTokenCheck, operation, (current) =>
        current.name === operation.name
          ? succeed('ok', publish(world))
          : change(world, { ...current, name: operation.name }),
      )
    case 'change password':
      return withPassword(world, atTokenCheck, operation, (current) => {
        const surviving = operation.session
        return change(
          world,
          { ...current, password: operation.to },
          {
            responseReceived: new Map([[surviving, 'usable']]),
            responseLost: new Map([[surviving, 'superseded']]),
          },
        )
      })
    case 'delete account':
      return withPassword(world, atTokenCheck, operation, () => deleteAccount(world))
    case 'end all':
      return withPassword(world, atTokenCheck, operation, () => succeed('ok', endSessions(world)))
    case 'end others':
      return withPassword(world, atTokenCheck, operation, () =>
        succeed('ok', endOthers(world, operation.session)),
      )
    case 'grant':
      return administer(world, (current) => change(world, { ...current, role: operation.role }))
    case 'disable':
      return administer(world, (current) => change(world, { ...current, disabled: true }, NO_SESSION))
    case 'enable':
      return administer(world, (current) => change(world, { ...current, disabled: false }))
    case 'end sessions':
      return administer(world, () => succeed('ok', endSessions(world)))
    case 'cron':
      return succeed('ok', { ...publish(world), orphans: new Map(), deletedAccounts: [] }, [
        publish(world),
        { ...world, orphans: new Map(), deletedAccounts: [] },
      ])
  }
}

const NO_SESSION = { responseReceived: new Map(), responseLost: new Map() } as const

function endSessions(world: World): World {
  return { ...world, sessions: new Map(), pending: world.pending === null ? null : new Map() }
}

function endOthers(world: World, surviving: number): World {
  const { sessions, pending } = world
  const only = (states: ReadonlyMap<number, SessionState>) =>
    new Map([...states].filter(([session]) => session === surviving))
  return { ...world, sessions: only(sessions), pending: pending === null ? null : only(pending) }
}

function unchanged(world: World, result: string): Step {
  return { result, after: world, responseLost: [] }
}

function succeed(result: string, after: World, partly: readonly World[] = []): Step {
  return { result, after, responseLost: [...partly, after] }
}

function register(world: World, password: Password, newSession: number): Step {
  const account = { password, disabled: false, role: '', name: '' }
  const stored: World = {
    ...world,
    account,
    reportedProfile: reported(account),
    sessions: new Map(),
    pending: null,
    pendingEndsSessions: false,
    published: null,
  }
  return {
    result: 'ok',
    after: withSession({ ...stored, published: account }, newSession),
    responseLost: [stored],
  }
}

function logIn(world: World, password: Password, newSession: number): Step {
  const { account } = world
  const stale = logInToStaleState(world, password, newSession)
  if (account === null || account.password !== password)
    return { ...unchanged(world, 'invalid_credentials'), stale }
  if (account.disabled) return { ...unchanged(world, 'account_disabled'), stale }
  const published = publish(world)
  return { result: 'ok', after: withSession(published, newSession), responseLost: [published], stale }
}

/**
 * A login that reads older state from a lagging replica, at an object without newer state. Its session ends when the
 * newer state is published.
 */
function logInToStaleState(world: World, password: Password, newSession: number): readonly World[] {
  const opened = (account: Account) => !account.disabled && account.password === password
  const { published, pending, pendingEndsSessions, sessions, orphans, deletedAccounts } = world
  const orphaned = deletedAccounts.filter(opened).map((account) => {
    return {
      ...world,
      orphans: new Map([
        ...orphans,
        [newSession, { state: 'usable' as const, reportedProfile: reported(account) }],
      ]),
    }
  })
  if (published === null || pending === null || !opened(published)) return orphaned
  const withIt = (states: ReadonlyMap<number, SessionState>) =>
    new Map([...states, [newSession, 'usable' as const]])
  const after = pendingEndsSessions ? pending : withIt(pending)
  return [...orphaned, { ...world, sessions: withIt(sessions), pending: after }]
}

function refresh(world: World, session: number): Step {
  const state = world.sessions.get(session) ?? world.orphans.get(session)?.state
  return unchanged(world, state === 'usable' ? 'ok' : 'invalid_refresh_token')
}

function readProfile(world: World, session: number): Step {
  const ofOrphan = world.orphans.get(session)?.reportedProfile
  const profile = world.sessions.has(session) ? world.reportedProfile : ofOrphan
  return unchanged(world, profile === undefined ? 'invalid_token' : `ok ${profile}`)
}

function withToken(
  world: World,
  atTokenCheck: World,
  { session }: { readonly session: number },
  then: (account: Account) => Step,
): Step {
  const { account } = world
  if (account === null || !atTokenCheck.sessions.has(session)) return unchanged(world, 'invalid_token')
  return account.disabled ? unchanged(world, 'account_disabled') : then(account)
}

function withPassword(
  world: World,
  atTokenCheck: World,
  { session, password }: { readonly session: number; readonly password: Password },
  then: (account: Account) => Step,
): Step {
  const { account } = world
  if (atTokenCheck.orphans.has(session)) return unchanged(world, 'invalid_credentials')
  if (!atTokenCheck.sessions.has(session)) return unchanged(world, 'invalid_token')
  if (account === null || account.password !== password) return unchanged(world, 'invalid_credentials')
  return account.disabled ? unchanged(world, 'account_disabled') : then(account)
}

function administer(world: World, then: (account: Account) => Step): Step {
  return world.account === null ? unchanged(world, 'not_found') : then(world.account)
}

/** @param survivors the sessions afterwards if the response arrives and if it is lost; without it all sessions stay */
function change(
  world: World,
  account: Account,
  survivors: {
    responseReceived: ReadonlyMap<number, SessionState>
    responseLost: ReadonlyMap<number, SessionState>
  } | null = null,
): Step {
  const before = world.pending ?? world.sessions
  const alive = (sessions: ReadonlyMap<number, SessionState>) =>
    new Map([...sessions].filter(([session]) => before.has(session)))
  const stored = {
    ...world,
    account,
    pending: survivors === null ? before : alive(survivors.responseLost),
    pendingEndsSessions: world.pendingEndsSessions || survivors !== null,
  }
  const published = publish(stored)
  return {
    result: 'ok',
    after: survivors === null ? published : { ...published, sessions: alive(survivors.responseReceived) },
    responseLost: [stored, published],
  }
}

function deleteAccount(world: World): Step {
  const { sessions, reportedProfile, orphans, published } = world
  const deleted: World = {
    ...world,
    account: null,
    sessions: new Map(),
    pending: null,
    pendingEndsSessions: false,
    published: null,
  }
  const orphaned = [...sessions].map(([session, state]) => [session, { state, reportedProfile }] as const)
  const deletedAccounts = published === null ? world.deletedAccounts : [...world.deletedAccounts, published]
  const unpublished = { ...deleted, orphans: new Map([...orphans, ...orphaned]), deletedAccounts }
  return { result: 'ok', after: deleted, responseLost: [unpublished, deleted] }
}

/** The object takes over the account state of the database. */
function publish(world: World): World {
  const { account, pending, sessions } = world
  const state = { pending: null, pendingEndsSessions: false, published: account }
  return {
    ...world,
    reportedProfile: account === null ? '' : reported(account),
    sessions: pending ?? sessions,
    ...state,
  }
}

function withSession(world: World, session: number): World {
  return { ...world, sessions: new Map([...world.sessions, [session, 'usable' as const]]) }
}

/**
 * What one account and its sessions may be, as a small sequential model. A request whose answer was lost leaves several
 * possible worlds behind; each later answer must fit at least one of them.
 */

export const PASSWORDS = ['the first passphrase', 'the second passphrase'] as const
export type Password = (typeof PASSWORDS)[number]

export type Operation =
  | { readonly kind: 'register'; readonly password: Password }
  | { readonly kind: 'log in'; readonly password: Password }
  | { readonly kind: 'refresh'; readonly session: number }
  | { readonly kind: 'see'; readonly session: number }
  | {
      readonly kind: 'change password'
      readonly session: number
      readonly password: Password
      readonly to: Password
    }
  | {
      readonly kind: 'leave' | 'end all' | 'end others'
      readonly session: number
      readonly password: Password
    }
  | { readonly kind: 'grant'; readonly role: string }
  | { readonly kind: 'disable' | 'enable' | 'end sessions' | 'cron' }

interface Account {
  readonly password: Password
  readonly disabled: boolean
  readonly role: string
}

/** `spent`: lives, but its refresh token has been replaced by one that nobody holds. */
type Life = 'lives' | 'spent'

export interface World {
  /** As the database has it. */
  readonly account: Account | null
  /** What the account's object grants. */
  readonly grants: string
  /** The sessions of the present account that live, by the number of the answer that opened them. */
  readonly sessions: ReadonlyMap<number, Life>
  /** What the sessions will be once the object is told; null where it was. */
  readonly untold: ReadonlyMap<number, Life> | null
  /** Whether what is untold ends the sessions of before. */
  readonly ends: boolean
  /** The account as its object knows it, and as a replica that lags may still show it; null where the object knows none. */
  readonly known: Account | null
  /** Sessions of an account that is gone, whose object does not know: only cron tells it. */
  readonly ghosts: ReadonlyMap<number, Ghost>
  /** Those accounts, as their objects and a replica that lags may still know them. */
  readonly gone: readonly Account[]
}

interface Ghost {
  readonly life: Life
  readonly grants: string
}

export const EMPTY: World = {
  account: null,
  grants: '',
  sessions: new Map(),
  untold: null,
  ends: false,
  known: null,
  ghosts: new Map(),
  gone: [],
}

export interface Step {
  /** `ok`, what was seen, or a problem's code. */
  readonly answer: string
  readonly after: World
  /** Worlds in which it happened, in whole or in part, and its answer did not come. */
  readonly unanswered: readonly World[]
  /** Worlds in which the answer is `ok` for what a replica still shows, and the object was not told otherwise. */
  readonly stale?: readonly World[]
}

/**
 * @param opens the number that a session which this opens will have
 * @param earlier how the world was when the token was checked: what it proved then holds for the rest of the call
 */
export function step(world: World, operation: Operation, opens: number, earlier = world): Step {
  const { account } = world
  switch (operation.kind) {
    case 'register':
      return account === null ? register(world, operation.password, opens) : refuse(world, 'identifier_taken')
    case 'log in':
      return logIn(world, operation.password, opens)
    case 'refresh':
      return refresh(world, operation.session)
    case 'see':
      return see(world, operation.session)
    case 'change password':
      return prove(world, earlier, operation, (proven) => {
        const kept = operation.session
        return change(
          world,
          { ...proven, password: operation.to },
          {
            answered: new Map([[kept, 'lives']]),
            unanswered: new Map([[kept, 'spent']]),
          },
        )
      })
    case 'leave':
      return prove(world, earlier, operation, () => leave(world))
    case 'end all':
      return prove(world, earlier, operation, () => happen('ok', endSessions(world)))
    case 'end others':
      return prove(world, earlier, operation, () => happen('ok', endOthers(world, operation.session)))
    case 'grant':
      return manage(world, (known) => change(world, { ...known, role: operation.role }))
    case 'disable':
      return manage(world, (known) => change(world, { ...known, disabled: true }, NO_SESSION))
    case 'enable':
      return manage(world, (known) => change(world, { ...known, disabled: false }))
    case 'end sessions':
      return manage(world, () => happen('ok', endSessions(world)))
    case 'cron':
      return happen('ok', { ...tell(world), ghosts: new Map(), gone: [] }, [
        tell(world),
        { ...world, ghosts: new Map(), gone: [] },
      ])
  }
}

const NO_SESSION = { answered: new Map(), unanswered: new Map() } as const

function endSessions(world: World): World {
  return { ...world, sessions: new Map(), untold: world.untold === null ? null : new Map() }
}

function endOthers(world: World, kept: number): World {
  const { sessions, untold } = world
  const only = (lives: ReadonlyMap<number, Life>) =>
    new Map([...lives].filter(([session]) => session === kept))
  return { ...world, sessions: only(sessions), untold: untold === null ? null : only(untold) }
}

function refuse(world: World, answer: string): Step {
  return { answer, after: world, unanswered: [] }
}

function happen(answer: string, after: World, partly: readonly World[] = []): Step {
  return { answer, after, unanswered: [...partly, after] }
}

function register(world: World, password: Password, opens: number): Step {
  const account = { password, disabled: false, role: '' }
  const stored: World = {
    ...world,
    account,
    grants: '',
    sessions: new Map(),
    untold: null,
    ends: false,
    known: null,
  }
  return { answer: 'ok', after: withSession({ ...stored, known: account }, opens), unanswered: [stored] }
}

function logIn(world: World, password: Password, opens: number): Step {
  const { account } = world
  const stale = logInToThePast(world, password, opens)
  if (account === null || account.password !== password)
    return { ...refuse(world, 'invalid_credentials'), stale }
  if (account.disabled) return { ...refuse(world, 'account_disabled'), stale }
  const told = tell(world)
  return { answer: 'ok', after: withSession(told, opens), unanswered: [told], stale }
}

/** By what a replica that lags shows, at an object that was not told otherwise: the session ends when it is. */
function logInToThePast(world: World, password: Password, opens: number): readonly World[] {
  const opened = (account: Account) => !account.disabled && account.password === password
  const { known, untold, ends, sessions, ghosts, gone } = world
  const ghost = { life: 'lives', grants: '' } as const
  const haunting = gone.filter(opened).map(({ role }) => {
    return { ...world, ghosts: new Map([...ghosts, [opens, { ...ghost, grants: role }]]) }
  })
  if (known === null || untold === null || !opened(known)) return haunting
  const withIt = (lives: ReadonlyMap<number, Life>) => new Map([...lives, [opens, 'lives' as const]])
  return [...haunting, { ...world, sessions: withIt(sessions), untold: ends ? untold : withIt(untold) }]
}

function refresh(world: World, session: number): Step {
  const life = world.sessions.get(session) ?? world.ghosts.get(session)?.life
  return refuse(world, life === 'lives' ? 'ok' : 'invalid_refresh_token')
}

function see(world: World, session: number): Step {
  const grants = world.sessions.has(session) ? world.grants : world.ghosts.get(session)?.grants
  return refuse(world, grants === undefined ? 'invalid_token' : `ok ${grants}`)
}

function prove(
  world: World,
  earlier: World,
  { session, password }: { readonly session: number; readonly password: Password },
  then: (account: Account) => Step,
): Step {
  const { account } = world
  if (earlier.ghosts.has(session)) return refuse(world, 'invalid_credentials')
  if (!earlier.sessions.has(session)) return refuse(world, 'invalid_token')
  if (account === null || account.password !== password) return refuse(world, 'invalid_credentials')
  return account.disabled ? refuse(world, 'account_disabled') : then(account)
}

function manage(world: World, then: (account: Account) => Step): Step {
  return world.account === null ? refuse(world, 'not_found') : then(world.account)
}

/** @param ends what the sessions are afterwards, to whoever has the answer and to whoever has not; all stay without it */
function change(
  world: World,
  account: Account,
  ends: { answered: ReadonlyMap<number, Life>; unanswered: ReadonlyMap<number, Life> } | null = null,
): Step {
  const pending = world.untold ?? world.sessions
  const alive = (sessions: ReadonlyMap<number, Life>) =>
    new Map([...sessions].filter(([session]) => pending.has(session)))
  const stored = {
    ...world,
    account,
    untold: ends === null ? pending : alive(ends.unanswered),
    ends: world.ends || ends !== null,
  }
  const told = tell(stored)
  return {
    answer: 'ok',
    after: ends === null ? told : { ...told, sessions: alive(ends.answered) },
    unanswered: [stored, told],
  }
}

function leave(world: World): Step {
  const { sessions, grants, ghosts, known } = world
  const left: World = { ...world, account: null, sessions: new Map(), untold: null, ends: false, known: null }
  const haunting = [...sessions].map(([session, life]) => [session, { life, grants }] as const)
  const gone = known === null ? world.gone : [...world.gone, known]
  const haunted = { ...left, ghosts: new Map([...ghosts, ...haunting]), gone }
  return { answer: 'ok', after: left, unanswered: [haunted, left] }
}

/** The object takes what the database has. */
function tell(world: World): World {
  const { account, untold, sessions } = world
  const told = { untold: null, ends: false, known: account }
  return { ...world, grants: account?.role ?? '', sessions: untold ?? sessions, ...told }
}

function withSession(world: World, session: number): World {
  return { ...world, sessions: new Map([...world.sessions, [session, 'lives' as const]]) }
}

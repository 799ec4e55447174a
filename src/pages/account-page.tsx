/** The account: its identifiers, its password, where it is logged in, its end. */
import { type AccountFacts, IDENTIFIER_KINDS, type IdentifierKind } from '../accounts/account.ts'
import { readableEmail } from '../accounts/readable-email.ts'
import type { Challenge } from '../challenge/challenge.ts'
import { toDateTime } from '../http/date-time.ts'
import type { Grant } from '../sessions/account-calls.ts'
import type { Session } from '../sessions/session.ts'
import { browserName } from './browser-name.ts'
import type { Failure } from './failure.ts'
import { Alert, ChallengeBox, Field, PasswordField, Status } from './fields.tsx'
import type { View } from './page.tsx'

export type AccountForm = 'profile' | 'password' | 'delete'

export interface Failed {
  /** Null: none of them was looked at. */
  readonly form: AccountForm | null
  readonly failure: Failure
}

export interface AccountProps {
  readonly view: View
  readonly grant: Grant
  readonly sessions: readonly Session[]
  readonly minLength: number
  readonly status: string | undefined
  /** What went wrong, and with which form. */
  readonly failed: Failed | null
  /** One that the next attempt with that form needs. */
  readonly challenge: Challenge | null
  /** What was typed into the profile. */
  readonly typed: Readonly<Partial<Record<IdentifierKind, string>>>
}

interface SectionProps {
  readonly view: View
  readonly facts: AccountFacts
  readonly failure: Failure | null
  readonly challenge: Challenge | null
}

export function AccountPage({
  view,
  grant,
  sessions,
  minLength,
  status,
  failed,
  challenge,
  typed,
}: AccountProps) {
  const { words } = view
  const { facts } = grant
  const section = (form: AccountForm) => {
    const met =
      failed?.form === form ? { failure: failed.failure, challenge } : { failure: null, challenge: null }
    return { view, facts, ...met }
  }
  return (
    <>
      <Status text={status} />
      <Alert failure={failed?.form === null ? failed.failure : null} />
      <p>{words.loggedInAs(nameOf(facts))}</p>
      <form method="post" action="/logout">
        <button type="submit">{words.logOut}</button>
      </form>
      <Profile {...section('profile')} typed={typed} />
      <Password {...section('password')} minLength={minLength} />
      <Sessions view={view} grant={grant} sessions={sessions} />
      <Deletion {...section('delete')} />
    </>
  )
}

export function nameOf(facts: AccountFacts): string {
  return IDENTIFIER_KINDS.map((kind) => shownOf(facts, kind)).find((shown) => shown !== null) ?? facts.id
}

function shownOf({ email, ...facts }: AccountFacts, kind: IdentifierKind): string | null {
  if (kind !== 'email') return facts[kind]
  return email === null ? null : readableEmail(email)
}

const INPUTS = {
  username: { type: 'text', autocomplete: 'username' },
  email: { type: 'email', autocomplete: 'email' },
  phone: { type: 'tel', autocomplete: 'tel' },
} as const

function Profile({ view, facts, failure, challenge, typed }: SectionProps & Pick<AccountProps, 'typed'>) {
  const { words } = view
  return (
    <section aria-labelledby="profile">
      <h2 id="profile">{words.profile}</h2>
      <p class="hint">{words.profileHint}</p>
      <Alert failure={failure} />
      <form method="post" action="/account/profile" novalidate>
        <AccountField facts={facts} />
        {IDENTIFIER_KINDS.map((kind) => (
          <Field
            form="profile"
            name={kind}
            label={words.identifiers[kind]}
            hint={kind === 'phone' ? words.identifierHint : undefined}
            value={typed[kind] ?? shownOf(facts, kind) ?? ''}
            failure={failure}
            {...INPUTS[kind]}
          />
        ))}
        <CurrentPassword view={view} form="profile" failure={failure} />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit">{words.save}</button>
      </form>
    </section>
  )
}

function Password({
  view,
  facts,
  failure,
  challenge,
  minLength,
}: SectionProps & Pick<AccountProps, 'minLength'>) {
  const { words } = view
  return (
    <section aria-labelledby="password">
      <h2 id="password">{words.changePassword}</h2>
      <p class="hint">{words.changePasswordHint}</p>
      <Alert failure={failure} />
      <form method="post" action="/account/password">
        <Owner facts={facts} />
        <CurrentPassword view={view} form="password" failure={failure} />
        <PasswordField
          view={view}
          form="password"
          name="new_password"
          label={words.newPassword}
          hint={words.passwordHint(minLength)}
          isNew
          failure={failure}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit">{words.changePassword}</button>
      </form>
    </section>
  )
}

function CurrentPassword(field: { view: View; form: AccountForm; failure: Failure | null }) {
  return <PasswordField {...field} name="current_password" label={field.view.words.currentPassword} />
}

/** Whose form this is: another tab may have logged somebody else in meanwhile. */
function AccountField({ facts }: { readonly facts: AccountFacts }) {
  return <input type="hidden" name="account" value={facts.id} />
}

/** For password managers, too: whose password this is. */
function Owner({ facts }: { readonly facts: AccountFacts }) {
  return (
    <>
      <AccountField facts={facts} />
      <input type="text" autocomplete="username" value={nameOf(facts)} readonly hidden />
    </>
  )
}

function Sessions({ view, grant, sessions }: Pick<AccountProps, 'view' | 'grant' | 'sessions'>) {
  const { words } = view
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{words.sessions}</h2>
      <ul class="sessions">
        {sessions.map((session) => (
          <SessionItem view={view} grant={grant} session={session} />
        ))}
      </ul>
      <form method="post" action="/account/sessions/end-all">
        <AccountField facts={grant.facts} />
        <button type="submit" class="quiet">
          {words.endAll}
        </button>
      </form>
    </section>
  )
}

function SessionItem({ view, grant, session }: { view: View; grant: Grant; session: Session }) {
  const { words } = view
  const current = session.id === grant.session.id
  const browser = browserName(session.userAgent, words.browserOn) ?? words.unknownBrowser
  return (
    <li>
      <div>
        <strong>{browser}</strong>
        {current && <span class="badge">{words.currentSession}</span>}
        <p class="hint">
          {session.ip} · {words.lastUsed} <Time unixMs={session.lastUsedAt} /> · {words.since}{' '}
          <Time unixMs={session.createdAt} />
        </p>
      </div>
      {!current && (
        <form method="post" action="/account/sessions/end">
          <AccountField facts={grant.facts} />
          <input type="hidden" name="id" value={session.id} />
          <button type="submit" class="quiet" aria-label={words.endOf(browser)}>
            {words.end}
          </button>
        </form>
      )}
    </li>
  )
}

/** In UTC; a script says it in the browser's own time. */
function Time({ unixMs }: { readonly unixMs: number }) {
  const dateTime = toDateTime(unixMs)
  return <time datetime={dateTime}>{dateTime.replace('T', ' ').replace('Z', ' UTC')}</time>
}

function Deletion({ view, facts, failure, challenge }: SectionProps) {
  const { words } = view
  return (
    <section aria-labelledby="delete">
      <h2 id="delete">{words.deleteAccount}</h2>
      <details open={failure !== null}>
        <summary>{words.deleteOpen}</summary>
        <p>{words.deleteHint}</p>
        <Alert failure={failure} />
        <form method="post" action="/account/delete">
          <Owner facts={facts} />
          <CurrentPassword view={view} form="delete" failure={failure} />
          <ChallengeBox view={view} challenge={challenge} />
          <button type="submit" class="danger">
            {words.deleteAccount}
          </button>
        </form>
      </details>
    </section>
  )
}

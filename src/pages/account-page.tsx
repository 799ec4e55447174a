/** The account: its identifiers, its password, where it is logged in, its end. */
import { type AccountFacts, IDENTIFIER_KINDS, type IdentifierKind } from '../accounts/account.ts'
import { toDateTime } from '../http/date-time.ts'
import type { Grant } from '../sessions/account-object.ts'
import type { Session } from '../sessions/session.ts'
import { browserName } from './browser-name.ts'
import type { Failure } from './failure.ts'
import { Alert, ChallengeBox, Field, PasswordField, Status } from './fields.tsx'
import type { View } from './page.tsx'

export type AccountForm = 'profile' | 'password' | 'delete'

export interface AccountProps {
  readonly view: View
  readonly grant: Grant
  readonly sessions: readonly Session[]
  readonly minLength: number
  readonly status: string | undefined
  /** What went wrong, and with which form. */
  readonly failed: { readonly form: AccountForm; readonly failure: Failure } | null
  /** What was typed into the profile. */
  readonly typed: Readonly<Partial<Record<IdentifierKind, string>>>
}

interface SectionProps {
  readonly view: View
  readonly facts: AccountFacts
  readonly failure: Failure | null
}

export function AccountPage({ view, grant, sessions, minLength, status, failed, typed }: AccountProps) {
  const { words } = view
  const { facts } = grant
  const failureOf = (form: AccountForm) => (failed?.form === form ? failed.failure : null)
  return (
    <>
      <Status text={status} />
      <p>{words.loggedInAs(nameOf(facts))}</p>
      <form method="post" action="/logout">
        <button type="submit">{words.logOut}</button>
      </form>
      <Profile view={view} facts={facts} failure={failureOf('profile')} typed={typed} />
      <Password view={view} facts={facts} failure={failureOf('password')} minLength={minLength} />
      <Sessions view={view} sessions={sessions} currentId={grant.session.id} />
      <Deletion view={view} facts={facts} failure={failureOf('delete')} />
    </>
  )
}

export function nameOf({ username, email, phone, id }: AccountFacts): string {
  return username ?? email ?? phone ?? id
}

const INPUTS = {
  username: { type: 'text', autocomplete: 'username' },
  email: { type: 'email', autocomplete: 'email' },
  phone: { type: 'tel', autocomplete: 'tel' },
} as const

function Profile({ view, facts, failure, typed }: SectionProps & Pick<AccountProps, 'typed'>) {
  const { words } = view
  return (
    <section aria-labelledby="profile">
      <h2 id="profile">{words.profile}</h2>
      <p class="hint">{words.profileHint}</p>
      <Alert failure={failure} />
      <form method="post" action="/account/profile" novalidate>
        {IDENTIFIER_KINDS.map((kind) => (
          <Field
            form="profile"
            name={kind}
            label={words.identifiers[kind]}
            value={typed[kind] ?? facts[kind] ?? ''}
            failure={failure}
            {...INPUTS[kind]}
          />
        ))}
        <PasswordField
          view={view}
          form="profile"
          name="current_password"
          label={words.currentPassword}
          failure={failure}
        />
        <ChallengeBox view={view} failure={failure} />
        <button type="submit">{words.save}</button>
      </form>
    </section>
  )
}

function Password({ view, facts, failure, minLength }: SectionProps & Pick<AccountProps, 'minLength'>) {
  const { words } = view
  return (
    <section aria-labelledby="password">
      <h2 id="password">{words.changePassword}</h2>
      <p class="hint">{words.changePasswordHint}</p>
      <Alert failure={failure} />
      <form method="post" action="/account/password">
        <Owner facts={facts} />
        <PasswordField
          view={view}
          form="password"
          name="current_password"
          label={words.currentPassword}
          failure={failure}
        />
        <PasswordField
          view={view}
          form="password"
          name="new_password"
          label={words.newPassword}
          hint={words.passwordHint(minLength)}
          isNew
          failure={failure}
        />
        <ChallengeBox view={view} failure={failure} />
        <button type="submit">{words.changePassword}</button>
      </form>
    </section>
  )
}

/** For password managers: whose password this is. */
function Owner({ facts }: { readonly facts: AccountFacts }) {
  return <input type="text" autocomplete="username" value={nameOf(facts)} readonly hidden />
}

interface SessionsProps extends Pick<AccountProps, 'view' | 'sessions'> {
  readonly currentId: string
}

function Sessions({ view, sessions, currentId }: SessionsProps) {
  const { words } = view
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{words.sessions}</h2>
      <ul class="sessions">
        {sessions.map((session) => (
          <SessionItem view={view} session={session} current={session.id === currentId} />
        ))}
      </ul>
      <form method="post" action="/account/sessions/end-all">
        <button type="submit" class="quiet">
          {words.endOthers}
        </button>
      </form>
    </section>
  )
}

function SessionItem({ view, session, current }: { view: View; session: Session; current: boolean }) {
  const { words } = view
  const browser = browserName(session.userAgent) ?? words.unknownBrowser
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

function Deletion({ view, facts, failure }: SectionProps) {
  const { words } = view
  return (
    <section aria-labelledby="delete">
      <h2 id="delete">{words.deleteAccount}</h2>
      <details open={failure !== null}>
        <summary>{words.deleteHint}</summary>
        <Alert failure={failure} />
        <form method="post" action="/account/delete">
          <Owner facts={facts} />
          <PasswordField
            view={view}
            form="delete"
            name="current_password"
            label={words.currentPassword}
            failure={failure}
          />
          <ChallengeBox view={view} failure={failure} />
          <button type="submit" class="danger">
            {words.deleteAccount}
          </button>
        </form>
      </details>
    </section>
  )
}

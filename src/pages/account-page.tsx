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
import { belowAuth } from './page-cookie.ts'
import type { Words } from './words/words.ts'

export type AccountForm = 'profile' | 'password' | 'sessions' | 'delete'

export interface Failed {
  /** Null: none of them was looked at. */
  readonly form: AccountForm | null
  readonly failure: Failure
}

export interface AccountProps {
  readonly view: View
  readonly grant: Grant
  readonly sessions: readonly Session[]
  /** Whether the login is too old to end sessions without the password. */
  readonly asksPassword: boolean
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
  asksPassword,
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
        <button type="submit" formaction={belowAuth('/logout')}>
          {words.logOut}
        </button>
      </form>
      <Profile {...section('profile')} typed={typed} />
      <Password {...section('password')} minLength={minLength} />
      <Sessions {...section('sessions')} grant={grant} sessions={sessions} asksPassword={asksPassword} />
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
        <button type="submit" formaction={belowAuth('/account/password')}>
          {words.changePassword}
        </button>
      </form>
    </section>
  )
}

interface CurrentPasswordProps {
  readonly view: View
  readonly form: AccountForm
  readonly hint?: string | undefined
  readonly failure: Failure | null
}

function CurrentPassword(field: CurrentPasswordProps) {
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

type SessionsProps = SectionProps & Pick<AccountProps, 'grant' | 'sessions' | 'asksPassword'>

/** One form: each of its buttons ends something else, and all need the same password. */
function Sessions({ view, facts, failure, challenge, grant, sessions, asksPassword }: SessionsProps) {
  const { words } = view
  const hasOthers = sessions.some(({ id }) => id !== grant.session.id)
  const isWrong = failure?.fields.current_password !== undefined
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{words.sessions}</h2>
      <Alert failure={failure} />
      <form method="post" action="/account/sessions/end">
        {/* The Enter key presses the first button: it must not end whichever session is listed first. */}
        <button type="submit" disabled hidden />
        <Owner facts={facts} />
        <ul class="sessions">
          {sessions.map((session) => (
            <SessionItem view={view} session={session} current={session.id === grant.session.id} />
          ))}
        </ul>
        {(asksPassword || challenge !== null || isWrong) && (
          <CurrentPassword
            view={view}
            form="sessions"
            hint={asksPassword && !isWrong ? words.passwordNeeded : undefined}
            failure={failure}
          />
        )}
        <ChallengeBox view={view} challenge={challenge} />
        <p class="actions">
          {hasOthers && (
            <button type="submit" class="quiet" formaction="/account/sessions/end-others">
              {words.endOthers}
            </button>
          )}
          <button type="submit" class="quiet" formaction={belowAuth('/account/sessions/end-all')}>
            {words.endAll}
          </button>
        </p>
      </form>
    </section>
  )
}

function SessionItem({ view, session, current }: { view: View; session: Session; current: boolean }) {
  const { words } = view
  const browser = browserName(session.userAgent, words.browserOn) ?? words.unknownBrowser
  return (
    <li>
      <div>
        <strong>{browser}</strong>
        {current && <span class="badge">{words.currentSession}</span>}
        <p class="hint">
          {whereFrom(session, words)} {words.lastUsed} <Time unixMs={session.lastUsedAt} /> · {words.since}{' '}
          <Time unixMs={session.createdAt} />
        </p>
      </div>
      {!current && (
        <button type="submit" class="quiet" name="id" value={session.id} aria-label={words.endOf(browser)}>
          {words.end}
        </button>
      )}
    </li>
  )
}

/** @returns what is known of it, each part with the sign that divides it from the next */
function whereFrom({ city, country, ip }: Session, words: Words): string {
  const place = city != null && country != null ? words.place(city, country) : (city ?? country)
  return [place, ip]
    .filter((part) => part != null)
    .map((part) => `${part} ·`)
    .join(' ')
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
          <button type="submit" class="danger" formaction={belowAuth('/account/delete')}>
            {words.deleteAccount}
          </button>
        </form>
      </details>
    </section>
  )
}

/** The account: its identifiers, its password, where it is logged in, its end. */
import { IDENTIFIER_KINDS, type IdentifierKind } from '../../accounts/account.ts'
import type { Challenge } from '../../challenge/challenge.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import type { Session } from '../../sessions/session.ts'
import { Alert, ChallengeBox, Field, PasswordField, Status } from '../components/fields.tsx'
import type { Failure } from '../form-errors.ts'
import type { View } from '../layout.tsx'
import { belowAuth } from '../page-cookie.ts'
import {
  AccountField,
  type AccountForm,
  CurrentPassword,
  nameOf,
  Owner,
  type SectionProps,
  shownOf,
} from './account-fields.tsx'
import { Sessions } from './account-sessions.tsx'

export interface Failed {
  /** Null: none of them was looked at. */
  readonly form: AccountForm | null
  readonly failure: Failure
}

export interface AccountProps {
  readonly view: View
  readonly activeSession: ActiveSession
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

export function AccountPage({
  view,
  activeSession,
  sessions,
  asksPassword,
  minLength,
  status,
  failed,
  challenge,
  typed,
}: AccountProps) {
  const { messages } = view
  const { profile } = activeSession
  const section = (form: AccountForm) => {
    const met =
      failed?.form === form ? { failure: failed.failure, challenge } : { failure: null, challenge: null }
    return { view, profile, ...met }
  }
  return (
    <>
      <Status text={status} />
      <Alert failure={failed?.form === null ? failed.failure : null} />
      <p>{messages.loggedInAs(nameOf(profile))}</p>
      <form method="post" action="/logout">
        <button type="submit" formaction={belowAuth('/logout')}>
          {messages.logOut}
        </button>
      </form>
      <Profile {...section('profile')} typed={typed} />
      <Password {...section('password')} minLength={minLength} />
      <Sessions
        {...section('sessions')}
        activeSession={activeSession}
        sessions={sessions}
        asksPassword={asksPassword}
      />
      <Deletion {...section('delete')} />
    </>
  )
}

const INPUTS = {
  username: { type: 'text', autocomplete: 'username' },
  email: { type: 'email', autocomplete: 'email' },
  phone: { type: 'tel', autocomplete: 'tel' },
} as const

function Profile({ view, profile, failure, challenge, typed }: SectionProps & Pick<AccountProps, 'typed'>) {
  const { messages } = view
  return (
    <section aria-labelledby="profile">
      <h2 id="profile">{messages.profile}</h2>
      <p class="hint">{messages.profileHint}</p>
      <Alert failure={failure} />
      <form method="post" action="/account/profile" novalidate>
        <AccountField profile={profile} />
        {IDENTIFIER_KINDS.map((kind) => (
          <Field
            form="profile"
            name={kind}
            label={messages.identifiers[kind]}
            hint={kind === 'phone' ? messages.identifierHint : undefined}
            value={typed[kind] ?? shownOf(profile, kind) ?? ''}
            failure={failure}
            {...INPUTS[kind]}
          />
        ))}
        <CurrentPassword view={view} form="profile" failure={failure} />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit">{messages.save}</button>
      </form>
    </section>
  )
}

function Password({
  view,
  profile,
  failure,
  challenge,
  minLength,
}: SectionProps & Pick<AccountProps, 'minLength'>) {
  const { messages } = view
  return (
    <section aria-labelledby="password">
      <h2 id="password">{messages.changePassword}</h2>
      <p class="hint">{messages.changePasswordHint}</p>
      <Alert failure={failure} />
      <form method="post" action="/account/password">
        <Owner profile={profile} />
        <CurrentPassword view={view} form="password" failure={failure} />
        <PasswordField
          view={view}
          form="password"
          name="new_password"
          label={messages.newPassword}
          hint={messages.passwordHint(minLength)}
          isNew
          failure={failure}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit" formaction={belowAuth('/account/password')}>
          {messages.changePassword}
        </button>
      </form>
    </section>
  )
}

function Deletion({ view, profile, failure, challenge }: SectionProps) {
  const { messages } = view
  return (
    <section aria-labelledby="delete">
      <h2 id="delete">{messages.deleteAccount}</h2>
      <details open={failure !== null}>
        <summary>{messages.deleteOpen}</summary>
        <p>{messages.deleteHint}</p>
        <Alert failure={failure} />
        <form method="post" action="/account/delete">
          <Owner profile={profile} />
          <CurrentPassword view={view} form="delete" failure={failure} />
          <ChallengeBox view={view} challenge={challenge} />
          <button type="submit" class="danger" formaction={belowAuth('/account/delete')}>
            {messages.deleteAccount}
          </button>
        </form>
      </details>
    </section>
  )
}

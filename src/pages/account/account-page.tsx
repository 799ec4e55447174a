/** The account page: identifiers, password, sessions, deletion. */

import { IDENTIFIER_KINDS, type IdentifierKind } from '../../accounts/account.ts'
import type { Challenge } from '../../challenge/challenge.ts'
import { fill } from '../../messages/messages.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import type { Session } from '../../sessions/session.ts'
import { Alert, ChallengeBox, Field, PasswordField, Status } from '../components/fields.tsx'
import type { FormErrors } from '../form-errors.ts'
import { underAuthPath } from '../page-cookie.ts'
import type { View } from '../view.ts'
import {
  AccountAndUsername,
  AccountField,
  type AccountForm,
  CurrentPassword,
  displayedIdentifier,
  displayName,
  type SectionProps,
} from './account-fields.tsx'
import { Sessions } from './account-sessions.tsx'

export interface RejectedForm {
  /** Null if the form was for another account. The page then shows the errors above all forms. */
  readonly form: AccountForm | null
  readonly errors: FormErrors
}

export interface AccountProps {
  readonly view: View
  readonly activeSession: ActiveSession
  readonly sessions: readonly Session[]
  /** Whether the login is too old to end sessions without the password. */
  readonly requiresPassword: boolean
  readonly minLength: number
  readonly status: string | undefined
  readonly rejected: RejectedForm | null
  /** The challenge that the next attempt with that form needs. */
  readonly challenge: Challenge | null
  /** The values of the rejected profile form, which it shows again. */
  readonly typed: Readonly<Partial<Record<IdentifierKind, string>>>
}

export function AccountPage({
  view,
  activeSession,
  sessions,
  requiresPassword,
  minLength,
  status,
  rejected,
  challenge,
  typed,
}: AccountProps) {
  const { messages } = view
  const { profile } = activeSession
  const section = (form: AccountForm) => {
    const result =
      rejected?.form === form ? { errors: rejected.errors, challenge } : { errors: null, challenge: null }
    return { view, profile, ...result }
  }
  return (
    <>
      <Status text={status} />
      <Alert errors={rejected?.form === null ? rejected.errors : null} />
      <p>{fill(messages.loggedInAs, { name: displayName(profile) })}</p>
      <form method="post" action="/logout">
        <button type="submit" formaction={underAuthPath('/logout')}>
          {messages.logOut}
        </button>
      </form>
      <Profile {...section('profile')} typed={typed} />
      <Password {...section('password')} minLength={minLength} />
      <Sessions
        {...section('sessions')}
        activeSession={activeSession}
        sessions={sessions}
        requiresPassword={requiresPassword}
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

function Profile({ view, profile, errors, challenge, typed }: SectionProps & Pick<AccountProps, 'typed'>) {
  const { messages } = view
  return (
    <section aria-labelledby="profile">
      <h2 id="profile">{messages.profile}</h2>
      <p class="hint">{messages.profileHint}</p>
      <Alert errors={errors} />
      <form method="post" action="/account/profile" novalidate>
        <AccountField profile={profile} />
        {IDENTIFIER_KINDS.map((kind) => (
          <Field
            form="profile"
            name={kind}
            label={messages.identifierLabels[kind]}
            hint={kind === 'phone' ? messages.identifierHint : undefined}
            value={typed[kind] ?? displayedIdentifier(profile, kind) ?? ''}
            errors={errors}
            {...INPUTS[kind]}
          />
        ))}
        <CurrentPassword view={view} form="profile" errors={errors} />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit">{messages.save}</button>
      </form>
    </section>
  )
}

function Password({
  view,
  profile,
  errors,
  challenge,
  minLength,
}: SectionProps & Pick<AccountProps, 'minLength'>) {
  const { messages } = view
  return (
    <section aria-labelledby="password">
      <h2 id="password">{messages.changePassword}</h2>
      <p class="hint">{messages.changePasswordHint}</p>
      <Alert errors={errors} />
      <form method="post" action="/account/password">
        <AccountAndUsername profile={profile} />
        <CurrentPassword view={view} form="password" errors={errors} />
        <PasswordField
          view={view}
          form="password"
          name="new_password"
          label={messages.newPassword}
          hint={fill(messages.passwordHint, { minLength })}
          isNew
          errors={errors}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit" formaction={underAuthPath('/account/password')}>
          {messages.changePassword}
        </button>
      </form>
    </section>
  )
}

function Deletion({ view, profile, errors, challenge }: SectionProps) {
  const { messages } = view
  return (
    <section aria-labelledby="delete">
      <h2 id="delete">{messages.deleteAccount}</h2>
      <details open={errors !== null}>
        <summary>{messages.openDeletion}</summary>
        <p>{messages.deleteHint}</p>
        <Alert errors={errors} />
        <form method="post" action="/account/delete">
          <AccountAndUsername profile={profile} />
          <CurrentPassword view={view} form="delete" errors={errors} />
          <ChallengeBox view={view} challenge={challenge} />
          <button type="submit" class="danger" formaction={underAuthPath('/account/delete')}>
            {messages.deleteAccount}
          </button>
        </form>
      </details>
    </section>
  )
}

/** The pages of the account: identifiers, password, devices, deletion. */

import { IDENTIFIER_KINDS, type IdentifierKind } from '../../accounts/account.ts'
import type { Challenge } from '../../challenge/challenge.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import type { Session } from '../../sessions/session.ts'
import { Button } from '../components/buttons.tsx'
import { Panel } from '../components/collections.tsx'
import { Alert, Toast } from '../components/feedback.tsx'
import { ChallengeBox, NewPasswordField, TextField } from '../components/fields.tsx'
import type { AccountSection } from '../components/frame.tsx'
import type { FormErrors } from '../form-errors.ts'
import { underAuthPath } from '../page-cookie.ts'
import type { View } from '../view.ts'
import { Details, type TypedDetails } from './account-details.tsx'
import {
  AccountAndUsername,
  AccountField,
  type AccountForm,
  CurrentPassword,
  displayedIdentifier,
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
  readonly section: AccountSection
  readonly activeSession: ActiveSession
  /** Read for the devices alone. */
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
  /** The values of the rejected form of the details. */
  readonly typedDetails: TypedDetails
}

/** The forms of one section of the account. */
export function AccountPage(props: AccountProps) {
  const { status, rejected } = props
  return (
    <>
      <Toast text={status} />
      <Alert errors={rejected?.form === null ? rejected.errors : null} />
      <Section {...props} />
    </>
  )
}

function Section({
  view,
  section,
  activeSession,
  rejected,
  challenge,
  minLength,
  typed,
  typedDetails,
  ...devices
}: AccountProps) {
  const { profile } = activeSession
  const propsOf = (form: AccountForm) => {
    const result = rejected?.form === form ? { errors: rejected.errors, challenge } : NO_RESULT
    return { view, profile, ...result }
  }
  switch (section) {
    case 'profile':
      return (
        <>
          <Details {...propsOf('details')} typed={typedDetails} />
          <Identifiers {...propsOf('profile')} typed={typed} />
        </>
      )
    case 'security':
      return <Password {...propsOf('password')} minLength={minLength} />
    case 'devices':
      return <Sessions {...propsOf('sessions')} {...devices} activeSession={activeSession} />
    case 'deletion':
      return <Deletion {...propsOf('delete')} />
  }
}

const NO_RESULT = { errors: null, challenge: null }

const INPUTS = {
  username: { type: 'text', autocomplete: 'username' },
  email: { type: 'email', autocomplete: 'email' },
  phone: { type: 'tel', autocomplete: 'tel' },
} as const

/** The password is asked for when a person opens the form to change them. */
function Identifiers({
  view,
  profile,
  errors,
  challenge,
  typed,
}: SectionProps & Pick<AccountProps, 'typed'>) {
  const { messages } = view
  return (
    <Panel id="identifiers" title={messages.identifiers} hint={messages.identifiersHint}>
      <dl>
        {IDENTIFIER_KINDS.map((kind) => (
          <>
            <dt>{messages.identifierLabels[kind]}</dt>
            <dd>
              <bdi>{displayedIdentifier(profile, kind) ?? messages.notSet}</bdi>
            </dd>
          </>
        ))}
      </dl>
      <details class="more" open={errors !== null}>
        <summary>{messages.changeIdentifiers}</summary>
        <form method="post" action="/account/profile" novalidate>
          <Alert errors={errors} />
          <AccountField profile={profile} />
          {IDENTIFIER_KINDS.map((kind) => (
            <TextField
              form="profile"
              name={kind}
              label={messages.identifierLabels[kind]}
              hint={kind === 'phone' ? messages.identifierHint : undefined}
              value={typed[kind] ?? displayedIdentifier(profile, kind) ?? ''}
              check={kind}
              checkTexts={messages.invalidIdentifier}
              errors={errors}
              {...INPUTS[kind]}
            />
          ))}
          <CurrentPassword view={view} form="profile" errors={errors} />
          <ChallengeBox view={view} challenge={challenge} />
          <Button>{messages.save}</Button>
        </form>
      </details>
    </Panel>
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
    <Panel id="password" title={messages.changePassword} hint={messages.changePasswordHint}>
      <form method="post" action="/account/password">
        <Alert errors={errors} />
        <AccountAndUsername profile={profile} />
        <CurrentPassword view={view} form="password" errors={errors} />
        <NewPasswordField
          view={view}
          form="password"
          name="new_password"
          label={messages.newPassword}
          minLength={minLength}
          errors={errors}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <Button formaction={underAuthPath('/account/password')}>{messages.changePassword}</Button>
      </form>
    </Panel>
  )
}

function Deletion({ view, profile, errors, challenge }: SectionProps) {
  const { messages } = view
  return (
    <Panel id="delete" title={messages.deleteAccount} hint={messages.deleteHint}>
      <form method="post" action="/account/delete">
        <Alert errors={errors} />
        <AccountAndUsername profile={profile} />
        <CurrentPassword view={view} form="delete" errors={errors} />
        <ChallengeBox view={view} challenge={challenge} />
        <Button kind="danger" formaction={underAuthPath('/account/delete')}>
          {messages.deleteAccount}
        </Button>
      </form>
    </Panel>
  )
}

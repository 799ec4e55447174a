/** What the forms of the account's page share. */
import { type AccountProfile, IDENTIFIER_KINDS, type IdentifierKind } from '../../accounts/account.ts'
import { readableEmail } from '../../accounts/readable-email.ts'
import type { Challenge } from '../../challenge/challenge.ts'
import { PasswordField } from '../components/fields.tsx'
import type { Failure } from '../form-errors.ts'
import type { View } from '../layout.tsx'

export type AccountForm = 'profile' | 'password' | 'sessions' | 'delete'

export interface SectionProps {
  readonly view: View
  readonly profile: AccountProfile
  readonly failure: Failure | null
  readonly challenge: Challenge | null
}

/** An identifier as people read it. */
export function shownOf({ email, ...profile }: AccountProfile, kind: IdentifierKind): string | null {
  if (kind !== 'email') return profile[kind]
  return email === null ? null : readableEmail(email)
}

/** What a person is called on the pages. */
export function nameOf(profile: AccountProfile): string {
  return IDENTIFIER_KINDS.map((kind) => shownOf(profile, kind)).find((shown) => shown !== null) ?? profile.id
}

interface CurrentPasswordProps {
  readonly view: View
  readonly form: AccountForm
  readonly hint?: string | undefined
  readonly failure: Failure | null
}

export function CurrentPassword(field: CurrentPasswordProps) {
  return <PasswordField {...field} name="current_password" label={field.view.messages.currentPassword} />
}

/** Whose form this is: another tab may have logged somebody else in since. */
export function AccountField({ profile }: { readonly profile: AccountProfile }) {
  return <input type="hidden" name="account" value={profile.id} />
}

/** For password managers, too: whose password this is. */
export function Owner({ profile }: { readonly profile: AccountProfile }) {
  return (
    <>
      <AccountField profile={profile} />
      <input type="text" autocomplete="username" value={nameOf(profile)} readonly hidden />
    </>
  )
}

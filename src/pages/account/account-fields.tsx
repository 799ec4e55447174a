/** What the forms of the account page share. */
import { type AccountProfile, IDENTIFIER_KINDS, type IdentifierKind } from '../../accounts/account.ts'
import { readableEmail } from '../../accounts/readable-email.ts'
import type { Challenge } from '../../challenge/challenge.ts'
import type { AppContext } from '../../http/context.ts'
import { PasswordField } from '../components/fields.tsx'
import type { FormErrors } from '../form-errors.ts'
import { type View, viewOf } from '../view.ts'

export type AccountForm = 'details' | 'profile' | 'password' | 'sessions' | 'delete'

const WELCOME_SECONDS = 30

export interface SectionProps {
  readonly view: View
  readonly profile: AccountProfile
  readonly errors: FormErrors | null
  readonly challenge: Challenge | null
}

/** An identifier in the spelling that pages show. */
export function displayedIdentifier(
  { email, ...profile }: AccountProfile,
  kind: IdentifierKind,
): string | null {
  if (kind !== 'email') return profile[kind]
  return email === null ? null : readableEmail(email)
}

/** The account's name on the pages: its first identifier, or else its id. */
export function displayName(profile: AccountProfile): string {
  return (
    IDENTIFIER_KINDS.map((kind) => displayedIdentifier(profile, kind)).find((text) => text !== null) ??
    profile.id
  )
}

/** What the pages call the person: the name, or else an identifier. */
export function personName(profile: AccountProfile): string {
  return profile.name ?? displayName(profile)
}

/** @returns a welcome to a person who has just registered */
export function welcomeOf(c: AppContext, profile: AccountProfile): string | undefined {
  const ageSeconds = Math.floor(c.get('ctx').nowMs / 1000) - profile.createdAt
  return ageSeconds < WELCOME_SECONDS ? viewOf(c).messages.welcome : undefined
}

interface CurrentPasswordProps {
  readonly view: View
  readonly form: AccountForm
  readonly hint?: string | undefined
  readonly errors: FormErrors | null
}

export function CurrentPassword(field: CurrentPasswordProps) {
  return <PasswordField {...field} name="current_password" label={field.view.messages.currentPassword} />
}

/** The account that the form is for: the browser may have logged in to another account in another tab since. */
export function AccountField({ profile }: { readonly profile: AccountProfile }) {
  return <input type="hidden" name="account" value={profile.id} />
}

/** The username tells password managers to which account the password belongs. */
export function AccountAndUsername({ profile }: { readonly profile: AccountProfile }) {
  return (
    <>
      <AccountField profile={profile} />
      <input type="text" autocomplete="username" value={displayName(profile)} readonly hidden />
    </>
  )
}

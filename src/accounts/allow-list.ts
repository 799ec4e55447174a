/** The operator's list of identifiers that may register. Pure. */
import { comparedForm } from '../runtime/text.ts'
import type { Identifier } from './identifier.ts'

/** The entries are in the form in which identifiers of their kind are shown. */
export interface AllowList {
  readonly email_domains: readonly string[]
  readonly emails: readonly string[]
  readonly phones: readonly string[]
  readonly usernames: readonly string[]
}

/** @returns whether one of the identifiers is on the list; always true if the list has no entry, because it is then off. */
export function isOnAllowList(identifiers: readonly Identifier[], allow: AllowList): boolean {
  const off = Object.values(allow).every((entries) => entries.length === 0)
  return off || identifiers.some((identifier) => isListed(identifier, allow))
}

function isListed({ kind, compared }: Identifier, allow: AllowList): boolean {
  if (kind === 'username') return allow.usernames.some((entry) => comparedForm(entry) === compared)
  if (kind === 'phone') return allow.phones.includes(compared)
  const domain = compared.slice(compared.lastIndexOf('@') + 1)
  return allow.emails.includes(compared) || allow.email_domains.includes(domain)
}

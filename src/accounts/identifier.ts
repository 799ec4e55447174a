/** Parses identifiers: their kind, and the forms in which they are shown and compared. Pure. */
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { comparedForm, hasIgnorable, MAX_COMPOSED, trimInvisible } from '../runtime/text.ts'
import type { IdentifierKind } from './account.ts'

export interface Identifier {
  readonly kind: IdentifierKind
  /** The form in which it is stored and shown. */
  readonly shown: string
  /** The form in which identifiers of one kind are compared. */
  readonly compared: string
  /** The part that a password must not contain. */
  readonly guessable: string
}

const MAX_EMAIL_LENGTH = 254
const MAX_LOCAL_PART_LENGTH = 64
const MAX_DOMAIN_LABEL_LENGTH = 63
const MIN_USERNAME_CODE_POINTS = 3
const MAX_USERNAME_CODE_POINTS = 32
/** Access tokens contain the username as it was typed. A Hangul syllable in parts has nine bytes. */
const MAX_USERNAME_BYTES = 288
/** With all its spaces. The library does not read longer texts. */
const MAX_PHONE_TEXT_LENGTH = 250

/** RFC 5322 section 3.2.3: dot-atom-text, in ASCII. */
const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/** RFC 1123 section 2.1: letters, digits and inner hyphens. */
const DOMAIN_LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/
/** Characters at which a URL's host ends, or which the URL parser decodes or drops, so that it would read another domain. */
const NOT_IN_DOMAIN = /[\s%/\\?#@:[\]<>^|]/u
const USERNAME = /^(?=.*\p{L})[\p{L}\p{M}\p{Nd}._-]+$/u
/** Digits of any script, all kinds of spaces and dashes, `/ ( ) . +` and their full-width forms. */
const PHONE_CHARACTERS = /^[\p{Nd}\p{Z}\p{Cf}\p{Dash}+()./＋（）．／]+$/u
const SEPARATOR_AT_AN_END = /^[\p{Dash}./．／]|[\p{Dash}./．／]$/u

/** @returns the identifier that the text means at login, or null if no account can have it. */
export function parseIdentifier(text: string, region: CountryCode | undefined): Identifier | null {
  const kind = kindOf(text)
  // Accounts may have usernames from before ignorable code points were refused.
  return kind === 'username' ? readUsername(trimInvisible(text)) : parseAs(kind, text, region)
}

/** @returns the identifier that the text means at registration, or null if no account may have it. */
export function parseNewIdentifier(text: string, region: CountryCode | undefined): Identifier | null {
  return parseAs(kindOf(text), text, region)
}

/** @returns the kind of identifier that the text means. */
export function kindOf(text: string): IdentifierKind {
  if (text.includes('@')) return 'email'
  return PHONE_CHARACTERS.test(trimInvisible(text)) ? 'phone' : 'username'
}

/** @returns the identifier of this kind, or null if no account may have it. */
export function parseAs(
  kind: IdentifierKind,
  text: string,
  region: CountryCode | undefined,
): Identifier | null {
  if (kind === 'username') return parseUsername(text)
  return kind === 'email' ? parseEmail(text) : parsePhone(text, region)
}

export function parseEmail(text: string): Identifier | null {
  const address = trimInvisible(text)
  const at = address.lastIndexOf('@')
  const local = address.slice(0, Math.max(at, 0))
  const domain = parseMailDomain(address.slice(at + 1))
  if (domain === null || local.length > MAX_LOCAL_PART_LENGTH || !DOT_ATOM.test(local)) return null
  const mailbox = local.toLowerCase()
  const email = `${mailbox}@${domain}`
  if (email.length > MAX_EMAIL_LENGTH) return null
  return { kind: 'email', shown: email, compared: email, guessable: mailbox }
}

/**
 * Parses a domain with the URL parser, which is the platform's UTS #46 (IDNA). The parser also reads `1.2` as an IP address, which
 * is not a mail domain, and takes quadratic time for text that is too long for a domain.
 * @returns the domain in ASCII and lower case, or null
 */
export function parseMailDomain(text: string): string | null {
  const trimmed = trimInvisible(text)
  if (trimmed.length > MAX_EMAIL_LENGTH * MAX_COMPOSED || NOT_IN_DOMAIN.test(trimmed)) return null
  const domain = URL.parse(`http://${trimmed}`)?.hostname ?? ''
  const labels = domain.split('.')
  const wellFormed = labels.every(
    (label) => label.length <= MAX_DOMAIN_LABEL_LENGTH && DOMAIN_LABEL.test(label),
  )
  const isAddress = /^\d+$/.test(labels.at(-1) ?? '')
  return wellFormed && labels.length > 1 && !isAddress ? domain : null
}

/**
 * Decides without the data of phone numbers, which is too large for a page.
 * @returns false if `parseAs` returns null for the text; true if it may return an identifier
 */
export function mayBeIdentifier(kind: IdentifierKind, text: string): boolean {
  if (kind === 'phone') return isPhoneText(trimInvisible(text))
  return (kind === 'username' ? parseUsername(text) : parseEmail(text)) !== null
}

function isPhoneText(text: string): boolean {
  return (
    text.length <= MAX_PHONE_TEXT_LENGTH && PHONE_CHARACTERS.test(text) && !SEPARATOR_AT_AN_END.test(text)
  )
}

/** Refuses other characters, which the library ignores: a person who registers with them could not log in with the same text. */
export function parsePhone(text: string, region: CountryCode | undefined): Identifier | null {
  const trimmed = trimInvisible(text)
  if (!isPhoneText(trimmed)) return null
  const phone = parsePhoneNumberFromString(dialledDigits(trimmed), {
    extract: false,
    ...(region && { defaultCountry: region }),
  })
  if (phone === undefined || phone.ext !== undefined || !phone.isValid()) return null
  return { kind: 'phone', shown: phone.number, compared: phone.number, guessable: phone.nationalNumber }
}

/** The plus sign and the digits of a number, in ASCII. */
function dialledDigits(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Nd}/gu, toAsciiDigit)
    .replace(/[^\d+]/g, '')
}

/**
 * Unicode encodes the digits of each script as ten consecutive code points from zero up (its stability policy since 6.3; chapter
 * 4.6). A digit's value is its distance from the first of them, even if several sets of ten follow one another.
 */
function toAsciiDigit(digit: string): string {
  const codePoint = digit.codePointAt(0) ?? 0
  let zero = codePoint
  while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero -= 1
  return String((codePoint - zero) % 10)
}

export function parseUsername(text: string): Identifier | null {
  const trimmed = trimInvisible(text)
  return hasIgnorable(trimmed) ? null : readUsername(trimmed)
}

function readUsername(text: string): Identifier | null {
  if ([...text].length > MAX_USERNAME_CODE_POINTS * MAX_COMPOSED) return null
  const normalised = text.normalize('NFKC')
  const codePoints = [...normalised].length
  if (codePoints < MIN_USERNAME_CODE_POINTS || codePoints > MAX_USERNAME_CODE_POINTS) return null
  if (!USERNAME.test(normalised) || new TextEncoder().encode(text).length > MAX_USERNAME_BYTES) return null
  const compared = comparedForm(text)
  return { kind: 'username', shown: text, compared, guessable: compared }
}

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

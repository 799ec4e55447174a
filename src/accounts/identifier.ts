/** Text to identifier: which kind it is, how it is shown and how it is compared. Pure. */
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { utf8 } from '../bytes.ts'
import { comparedForm } from '../text.ts'
import type { IdentifierKind } from './account.ts'

export interface Identifier {
  readonly kind: IdentifierKind
  /** As it is stored and shown. */
  readonly shown: string
  /** As two of one kind are compared. */
  readonly compared: string
  /** The part that a password must not contain. */
  readonly guessable: string
}

const MAX_EMAIL_LENGTH = 254
const MAX_LOCAL_PART_LENGTH = 64
const MAX_DOMAIN_LABEL_LENGTH = 63
const MIN_USERNAME_CODE_POINTS = 3
const MAX_USERNAME_CODE_POINTS = 32
/** Access tokens carry a name as it was typed; a Hangul syllable in parts has nine bytes. */
const MAX_USERNAME_BYTES = 288

/** RFC 5322 section 3.2.3: dot-atom-text, in ASCII. */
const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/** RFC 1123 section 2.1: letters, digits and inner hyphens. */
const DOMAIN_LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/
/** Characters that a URL's host would end at, decode or drop, so that the parser sees another domain. */
const NOT_IN_DOMAIN = /[\s%/\\?#@:[\]<>^|]/u
const USERNAME = /^(?=.*\p{L})[\p{L}\p{M}\p{Nd}._-]+$/u
const PHONE_CHARACTERS = /^[\p{Nd} +().-]+$/u
const SEPARATOR_AT_AN_END = /^[ .-]|[ .-]$/

/** @returns the identifier that someone who logs in means, or null where no account could have it. */
export function parseIdentifier(text: string, region: CountryCode | undefined): Identifier | null {
  if (text.includes('@')) return parseEmail(text)
  if (PHONE_CHARACTERS.test(text)) return parsePhone(text, region)
  return parseUsername(text)
}

export function parseEmail(text: string): Identifier | null {
  const address = text.trim()
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
 * @returns the domain in ASCII and lower case, or null. The URL parser is the platform's UTS #46 (IDNA); it also
 * takes `1.2` for an address, which is no mail domain.
 */
export function parseMailDomain(text: string): string | null {
  if (NOT_IN_DOMAIN.test(text)) return null
  const domain = URL.parse(`http://${text}`)?.hostname ?? ''
  const labels = domain.split('.')
  const wellFormed = labels.every(
    (label) => label.length <= MAX_DOMAIN_LABEL_LENGTH && DOMAIN_LABEL.test(label),
  )
  const isAddress = /^\d+$/.test(labels.at(-1) ?? '')
  return wellFormed && labels.length > 1 && !isAddress ? domain : null
}

/** The library overlooks other characters; whoever registers with them could not log in with what they typed. */
export function parsePhone(text: string, region: CountryCode | undefined): Identifier | null {
  if (!PHONE_CHARACTERS.test(text) || SEPARATOR_AT_AN_END.test(text)) return null
  const phone = parsePhoneNumberFromString(text, {
    extract: false,
    ...(region && { defaultCountry: region }),
  })
  if (phone === undefined || phone.ext !== undefined || !phone.isValid()) return null
  return { kind: 'phone', shown: phone.number, compared: phone.number, guessable: phone.nationalNumber }
}

export function parseUsername(text: string): Identifier | null {
  const normalised = text.normalize('NFKC')
  const codePoints = [...normalised].length
  if (codePoints < MIN_USERNAME_CODE_POINTS || codePoints > MAX_USERNAME_CODE_POINTS) return null
  if (!USERNAME.test(normalised) || utf8(text).length > MAX_USERNAME_BYTES) return null
  const compared = comparedForm(text)
  return { kind: 'username', shown: text, compared, guessable: compared }
}

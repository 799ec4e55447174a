/** The rules for identifiers and passwords of accounts. */
import { type CountryCode, isSupportedCountry } from 'libphonenumber-js/max'
import { comparedForm } from '../runtime/text.ts'
import type { SettingsReader } from './settings-reader.ts'

export interface AccountsConfig {
  /** In code points, after NFC. */
  readonly passwordMinLength: number
  /** Words that make a password common at this service: its name and the operator's own words, in lower case. */
  readonly passwordWords: readonly string[]
  /** Usernames that may not be chosen, in compared form. */
  readonly reservedUsernames: ReadonlySet<string>
  /** Country of phone numbers without "+"; if undefined, such numbers are refused. */
  readonly defaultPhoneRegion: CountryCode | undefined
}

/** RFC 2142 sections 3 to 5: mail to these names at the service's domain is for its operators. */
const MAILBOX_NAMES = [
  ['info', 'marketing', 'sales', 'support'],
  ['abuse', 'noc', 'security'],
  ['postmaster', 'hostmaster', 'usenet', 'news', 'webmaster', 'www', 'uucp', 'ftp'],
].flat()
/** Names that suggest authority over the service. */
const ROLE_NAMES = ['admin', 'administrator', 'root', 'system', 'help', 'official']

/** @param serviceName the name that the hosted pages show */
export function readAccounts(reader: SettingsReader, serviceName: string): AccountsConfig {
  return {
    // NIST SP 800-63B-4 section 3.1.1.2 allows no fewer than 8.
    passwordMinLength: reader.integer('PASSWORD_MIN_LENGTH', { byDefault: 8, min: 8, max: 128 }),
    passwordWords: [serviceName, withoutSpaces(serviceName), ...reader.list('PASSWORD_WORDS')].map(
      toPasswordWord,
    ),
    reservedUsernames: readReservedUsernames(reader, serviceName),
    defaultPhoneRegion: readPhoneRegion(reader),
  }
}

/** In the form in which passwords are compared. */
function toPasswordWord(word: string): string {
  return word.normalize('NFC').toLowerCase()
}

function readReservedUsernames(reader: SettingsReader, serviceName: string): ReadonlySet<string> {
  const ownName = withoutSpaces(serviceName)
  const names = reader.listIfSet('RESERVED_USERNAMES') ?? [...MAILBOX_NAMES, ...ROLE_NAMES, ownName]
  return new Set(names.map(comparedForm))
}

/** In the form that a name of several words has in a username, which has no spaces. */
function withoutSpaces(name: string): string {
  return name.replace(/\p{Z}/gu, '')
}

function readPhoneRegion(reader: SettingsReader): CountryCode | undefined {
  const text = reader.text('DEFAULT_PHONE_REGION')
  if (text === undefined || isSupportedCountry(text)) return text
  return reader.addProblem(
    'DEFAULT_PHONE_REGION',
    'must be a country code of two capital letters',
    'DE',
    undefined,
  )
}

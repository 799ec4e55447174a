/** What identifiers and passwords an account may have. */
import { type CountryCode, isSupportedCountry } from 'libphonenumber-js/max'
import type { SettingsReader } from './settings-reader.ts'

export interface AccountsConfig {
  /** In code points, after NFC. */
  readonly passwordMinLength: number
  /** Words that make a password common here: the service's name and those of the operator, lower-cased. */
  readonly passwordWords: readonly string[]
  /** Country that phone numbers without "+" belong to; without one they are refused. */
  readonly defaultPhoneRegion: CountryCode | undefined
}

/** @param serviceName what people know the service by */
export function readAccounts(reader: SettingsReader, serviceName: string): AccountsConfig {
  return {
    // NIST SP 800-63B-4 section 3.1.1.2 allows no fewer than 8.
    passwordMinLength: reader.integer('PASSWORD_MIN_LENGTH', { byDefault: 8, min: 8, max: 128 }),
    passwordWords: [serviceName, withoutSpaces(serviceName), ...reader.list('PASSWORD_WORDS')].map(
      toPasswordWord,
    ),
    defaultPhoneRegion: readPhoneRegion(reader),
  }
}

/** As a password is compared. */
function toPasswordWord(word: string): string {
  return word.normalize('NFC').toLowerCase()
}

/** As a name of several words is written where no space may be. */
function withoutSpaces(name: string): string {
  return name.replace(/\p{Z}/gu, '')
}

function readPhoneRegion(reader: SettingsReader): CountryCode | undefined {
  const text = reader.text('DEFAULT_PHONE_REGION')
  if (text === undefined || isSupportedCountry(text)) return text
  return reader.refuse(
    'DEFAULT_PHONE_REGION',
    'must be a country code of two capital letters',
    'DE',
    undefined,
  )
}

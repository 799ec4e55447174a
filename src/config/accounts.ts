/** What identifiers and passwords an account may have. */
import { type CountryCode, isSupportedCountry } from 'libphonenumber-js/max'
import type { SettingsReader } from './settings-reader.ts'

export interface AccountsConfig {
  /** In code points, after NFC. */
  readonly passwordMinLength: number
  /** Country that phone numbers without "+" belong to; without one they are refused. */
  readonly defaultPhoneRegion: CountryCode | undefined
}

export function readAccounts(reader: SettingsReader): AccountsConfig {
  return {
    // NIST SP 800-63B-4 section 3.1.1.2 allows no fewer than 8.
    passwordMinLength: reader.integer('PASSWORD_MIN_LENGTH', { byDefault: 8, min: 8, max: 128 }),
    defaultPhoneRegion: readPhoneRegion(reader),
  }
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

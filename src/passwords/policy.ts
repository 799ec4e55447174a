/** Which passwords may be chosen (NIST SP 800-63B-4 section 3.1.1.2). Pure. */
import { comparedForm } from '../text.ts'
import { isCommonPassword } from './common-passwords.ts'

export type Weakness = 'too_short' | 'too_long' | 'common' | 'contains_identifier'

const MAX_CODE_POINTS = 128
const MIN_GUESSABLE_LENGTH = 4

export interface PolicyContext {
  /** In code points. */
  readonly minLength: number
  /** Parts of the account's identifiers, in compared form. */
  readonly guessable: readonly string[]
}

/** @returns every reason against the password, none for one that may be chosen. */
export function weaknesses(password: string, { minLength, guessable }: PolicyContext): readonly Weakness[] {
  const normalised = password.normalize('NFC')
  const codePoints = [...normalised].length
  const lowerCased = normalised.toLowerCase()
  const reasons: Weakness[] = []
  if (codePoints < minLength) reasons.push('too_short')
  if (codePoints > MAX_CODE_POINTS) reasons.push('too_long')
  if (isCommonPassword(lowerCased)) reasons.push('common')
  if (guessable.some((part) => containsPart(normalised, part))) reasons.push('contains_identifier')
  return reasons
}

/** A username is stored in compared form, so the password is held against it in both forms. */
function containsPart(password: string, part: string): boolean {
  if ([...part].length < MIN_GUESSABLE_LENGTH) return false
  return password.toLowerCase().includes(part) || comparedForm(password).includes(part)
}

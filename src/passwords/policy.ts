/** Which passwords may be chosen (NIST SP 800-63B-4 section 3.1.1.2). Pure. */
import { comparedForm, MAX_COMPOSED } from '../runtime/text.ts'
import { isCommonPassword } from './common-passwords.ts'
import { isTooSimple } from './too-simple.ts'

export type Weakness = 'too_short' | 'too_long' | 'too_simple' | 'common' | 'contains_identifier'

const MAX_CODE_POINTS = 128
const MIN_GUESSABLE_LENGTH = 4

export interface PolicyContext {
  /** In code points. */
  readonly minLength: number
  /** Words that attackers try first at this service, such as its name; in lower case. */
  readonly words: readonly string[]
  /** Parts of the account's identifiers, in compared form. */
  readonly guessable: readonly string[]
}

/** @returns all reasons against the password; an empty list if it may be chosen. */
export function weaknesses(
  password: string,
  { minLength, words, guessable }: PolicyContext,
): readonly Weakness[] {
  const forms = formsOf(password)
  const codePoints = [...forms.normalised].length
  const reasons: Weakness[] = []
  if (codePoints < minLength) reasons.push('too_short')
  if (codePoints > MAX_CODE_POINTS) reasons.push('too_long')
  if (isTooSimple(forms.lowerCased)) reasons.push('too_simple')
  if (isCommonPassword(forms.lowerCased, words)) reasons.push('common')
  if (guessable.some((part) => containsPart(forms, part))) reasons.push('contains_identifier')
  return reasons
}

interface Forms {
  readonly normalised: string
  readonly lowerCased: string
  readonly compared: string
}

/** A password that is too long in every form is not normalized, so that the whole check takes linear time. */
function formsOf(password: string): Forms {
  const isTooLong = [...password].length > MAX_CODE_POINTS * MAX_COMPOSED
  const normalised = isTooLong ? password : password.normalize('NFC')
  const lowerCased = normalised.toLowerCase()
  return { normalised, lowerCased, compared: isTooLong ? lowerCased : comparedForm(normalised) }
}

/** A username is stored in compared form, so both forms of the password are searched for it. */
function containsPart({ lowerCased, compared }: Forms, part: string): boolean {
  if ([...part].length < MIN_GUESSABLE_LENGTH) return false
  return [lowerCased, compared].some((form) => withOneSigma(form).includes(withOneSigma(part)))
}

/**
 * The lower case of sigma depends on what follows (Unicode 3.13, Final_Sigma). The last letter of a username may be in the middle
 * of a password.
 */
function withOneSigma(text: string): string {
  return text.replaceAll('ς', 'σ')
}

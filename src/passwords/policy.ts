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
  /** What is tried first at this service, such as its name; lower-cased. */
  readonly words: readonly string[]
  /** Parts of the account's identifiers, in compared form. */
  readonly guessable: readonly string[]
}

/** @returns every reason against the password, none for one that may be chosen. */
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

/** One that is too long in every form is looked at as it was typed: the whole check takes linear time. */
function formsOf(password: string): Forms {
  const isHopeless = [...password].length > MAX_CODE_POINTS * MAX_COMPOSED
  const normalised = isHopeless ? password : password.normalize('NFC')
  const lowerCased = normalised.toLowerCase()
  return { normalised, lowerCased, compared: isHopeless ? lowerCased : comparedForm(normalised) }
}

/** A username is stored in compared form, so the password is held against it in both forms. */
function containsPart({ lowerCased, compared }: Forms, part: string): boolean {
  if ([...part].length < MIN_GUESSABLE_LENGTH) return false
  return [lowerCased, compared].some((form) => withOneSigma(form).includes(withOneSigma(part)))
}

/** Lower case depends on what follows in this one letter (Unicode 3.13, Final_Sigma): the last letter of a name is not the last of a password. */
function withOneSigma(text: string): string {
  return text.replaceAll('ς', 'σ')
}

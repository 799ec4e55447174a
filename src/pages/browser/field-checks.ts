/** The checks of the service that need neither its data nor a request. Pure. */
import type { IdentifierKind } from '../../accounts/account.ts'
import { kindOf, mayBeIdentifier, parseEmail, parseUsername } from '../../accounts/identifier.ts'
import { brokenRules, type Weakness } from '../../passwords/policy.ts'
import { hasControlCharacter, trimInvisible } from '../../runtime/text.ts'

/** @returns the kind of identifier whose rules the text breaks, or null if it is empty or may be right */
export function brokenKind(field: IdentifierKind | 'identifier', text: string): IdentifierKind | null {
  if (trimInvisible(text) === '') return null
  const kind = field === 'identifier' ? kindOf(text) : field
  if (field === 'identifier' && hasControlCharacter(text)) return 'username'
  return mayBeIdentifier(kind, text) ? null : kind
}

/** What `data-texts` of a new password contains. */
export interface PasswordTexts {
  readonly minLength: number
  readonly weaknesses: Readonly<Record<string, string>>
  /** Those of the levels 1 to 4. */
  readonly levels: readonly string[]
  readonly separator: string
}

export interface PasswordStrength {
  /** 0 if the service rejects the password or if it is empty; 1 is weak, 4 is strong. */
  readonly level: number
  readonly weaknesses: readonly Weakness[]
}

/** @param identifiers as they were typed */
export function passwordStrength(
  password: string,
  minLength: number,
  identifiers: readonly string[],
): PasswordStrength {
  if (password === '') return { level: 0, weaknesses: [] }
  const guessable = identifiers.flatMap(guessablePart)
  const weaknesses = brokenRules(password, { minLength, guessable, isCommon: () => false })
  return { level: weaknesses.length > 0 ? 0 : estimatedLevel(password), weaknesses }
}

/** Of a phone number, the service compares the part without the country code, which the page cannot tell. */
function guessablePart(text: string): readonly string[] {
  const identifier = kindOf(text) === 'email' ? parseEmail(text) : parseUsername(text)
  return identifier === null ? [] : [identifier.guessable]
}

/** Bits at which the levels 2, 3 and 4 begin. */
const LEVEL_BITS = [30, 45, 60]

/** How many bits a character of each class adds. Letters add little more than those of a text do. */
const CLASSES = [
  { pattern: /[a-z]/, bits: 2.5 },
  { pattern: /[A-Z]/, bits: 2.5 },
  { pattern: /[0-9]/, bits: 3 },
  { pattern: /[\p{L}\p{M}]/u, bits: 5 },
]
const OTHER_BITS = 4
/** What a character adds that is of another class than the one before it. */
const CHANGE_BITS = 1.5
/** What is left of a character that is the same as the one before it, or the next in Unicode. */
const NEIGHBOUR_SHARE = 0.25

/** A rough estimate: it knows no words. */
function estimatedLevel(password: string): number {
  const characters = [...password].map((character) => ({
    code: character.codePointAt(0) ?? 0,
    group: CLASSES.findIndex(({ pattern }) => pattern.test(character)),
  }))
  const bits = characters.map(({ code, group }, index) => {
    const before = characters[index - 1]
    const own = CLASSES[group]?.bits ?? OTHER_BITS
    if (before === undefined) return own
    if (Math.abs(code - before.code) <= 1) return own * NEIGHBOUR_SHARE
    return own + (group === before.group ? 0 : CHANGE_BITS)
  })
  const sum = bits.reduce((total, one) => total + one, 0)
  return 1 + LEVEL_BITS.filter((bound) => sum >= bound).length
}

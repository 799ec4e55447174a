/** Passwords that take no thought: a few characters over and over, or neighbours in a row. Pure. */

const MAX_UNIT = 4
const MIN_RUN = 3

/** The position of a character in some order; undefined where it is not part of it. Neighbours are one apart. */
type Place = (character: string) => number | undefined

/**
 * The rows of keys, the unshifted characters of each and the shifted ones, key below key (upper case aside, since
 * passwords are lower-cased first): United States, United Kingdom, Germany, France.
 */
const KEYBOARDS: readonly (readonly (readonly [unshifted: string, shifted: string])[])[] = [
  [
    ['`1234567890-=', '~!@#$%^&*()_+'],
    ['qwertyuiop[]\\', 'qwertyuiop{}|'],
    ["asdfghjkl;'", 'asdfghjkl:"'],
    ['zxcvbnm,./', 'zxcvbnm<>?'],
  ],
  [
    ['`1234567890-=', '¬!"£$%^&*()_+'],
    ['qwertyuiop[]', 'qwertyuiop{}'],
    ["asdfghjkl;'#", 'asdfghjkl:@~'],
    ['\\zxcvbnm,./', '|zxcvbnm<>?'],
  ],
  [
    ['^1234567890ß´', '°!"§$%&/()=?`'],
    ['qwertzuiopü+', 'qwertzuiopü*'],
    ['asdfghjklöä#', "asdfghjklöä'"],
    ['<yxcvbnm,.-', '>yxcvbnm;:_'],
  ],
  [
    ['²&é"\'(-è_çà)=', '²1234567890°+'],
    ['azertyuiop^$', 'azertyuiop¨£'],
    ['qsdfghjklmù*', 'qsdfghjklm%µ'],
    ['<wxcvbn,;:!', '>wxcvbn?./§'],
  ],
]
/** Keeps the last key of a row and the first of the next from being neighbours. */
const LONGEST_ROW = 100

const inUnicode: Place = (character) => character.codePointAt(0)
const ORDERS: readonly Place[] = [inUnicode, ...KEYBOARDS.map(onKeyboard)]

/**
 * @param password lower-cased
 * @returns whether it repeats a unit of 1 to 4 code points, or is one or two runs of 3 or more neighbours
 */
export function isTooSimple(password: string): boolean {
  const characters = [...password]
  return repeatsUnit(characters) || isRuns(characters)
}

/** The unit comes twice at least; its last repetition may be cut. */
function repeatsUnit(characters: readonly string[]): boolean {
  for (let unit = 1; unit <= MAX_UNIT && 2 * unit <= characters.length; unit++) {
    const repeats = characters.every((character, index) => character === characters[index % unit])
    if (repeats) return true
  }
  return false
}

/** Each part of a run of 3 or more is one as well: two runs may meet wherever both reach. */
function isRuns(characters: readonly string[]): boolean {
  const { length } = characters
  const first = longestRun(characters)
  if (first < MIN_RUN) return false
  if (first === length) return true
  const last = longestRun(characters.toReversed())
  const meetsFrom = Math.max(length - last, MIN_RUN)
  const meetsUpTo = Math.min(first, length - MIN_RUN)
  return meetsFrom <= meetsUpTo
}

/** @returns how many characters at the beginning are neighbours one after another, in one order and direction. */
function longestRun(characters: readonly string[]): number {
  const lengths = ORDERS.flatMap((place) => [
    runLength(characters, place, 1),
    runLength(characters, place, -1),
  ])
  return Math.max(...lengths)
}

function runLength(characters: readonly string[], place: Place, step: 1 | -1): number {
  const end = characters.findIndex((character, index) => {
    const before = place(characters[index - 1] ?? '')
    return index > 0 && (before === undefined || place(character) !== before + step)
  })
  return end === -1 ? characters.length : end
}

function onKeyboard(rows: (typeof KEYBOARDS)[number]): Place {
  const places = new Map<string, number>()
  for (const [row, layers] of rows.entries()) {
    for (const layer of layers) {
      for (const [key, character] of [...layer].entries()) places.set(character, row * LONGEST_ROW + key)
    }
  }
  return (character) => places.get(character)
}

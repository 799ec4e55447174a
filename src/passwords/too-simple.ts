/** Detects simple passwords: a few characters repeated, or characters that are neighbours in a row. Pure. */

const MAX_UNIT = 4
const MIN_RUN = 3

/** The position of a character in an order; undefined if the order does not contain it. Neighbours differ by one. */
type PositionOf = (character: string) => number | undefined

/**
 * The rows of keys of each keyboard, with their unshifted and shifted characters, key by key: United States, United Kingdom,
 * Germany, France. Upper case is missing, because passwords are lower-cased first.
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
/** Larger than any row, so that the last key of a row and the first of the next are not neighbours. */
const ROW_STRIDE = 100

const inUnicode: PositionOf = (character) => character.codePointAt(0)
const ORDERS: readonly PositionOf[] = [inUnicode, ...KEYBOARDS.map(onKeyboard)]

/**
 * @param password lower-cased
 * @returns whether it repeats a unit of 1 to 4 code points, or is one or two runs of 3 or more neighbours
 */
export function isTooSimple(password: string): boolean {
  const characters = [...password]
  return repeatsUnit(characters) || isRuns(characters)
}

/** The unit occurs at least twice; its last repetition may be incomplete. */
function repeatsUnit(characters: readonly string[]): boolean {
  for (let unit = 1; unit <= MAX_UNIT && 2 * unit <= characters.length; unit++) {
    const repeats = characters.every((character, index) => character === characters[index % unit])
    if (repeats) return true
  }
  return false
}

/** A part of a run with 3 or more characters is a run, too. Two runs can therefore meet at every position that both reach. */
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

/** @returns the number of characters at the beginning that are consecutive neighbours, in one order and direction. */
function longestRun(characters: readonly string[]): number {
  const lengths = ORDERS.flatMap((positionOf) => [
    runLength(characters, positionOf, 1),
    runLength(characters, positionOf, -1),
  ])
  return Math.max(...lengths)
}

function runLength(characters: readonly string[], positionOf: PositionOf, step: 1 | -1): number {
  const end = characters.findIndex((character, index) => {
    const before = positionOf(characters[index - 1] ?? '')
    return index > 0 && (before === undefined || positionOf(character) !== before + step)
  })
  return end === -1 ? characters.length : end
}

function onKeyboard(rows: (typeof KEYBOARDS)[number]): PositionOf {
  const positions = new Map<string, number>()
  for (const [row, layers] of rows.entries()) {
    for (const layer of layers) {
      for (const [key, character] of [...layer].entries()) positions.set(character, row * ROW_STRIDE + key)
    }
  }
  return (character) => positions.get(character)
}

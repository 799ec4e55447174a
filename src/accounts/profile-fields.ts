/** Parses what people say about themselves. Each function returns the form that is stored and shown, or null if it is invalid. Pure. */
import { trimInvisible } from '../runtime/text.ts'

const MAX_NAME_CODE_POINTS = 100
const MAX_PICTURE_LENGTH = 500
/** RFC 5646 section 4.4.1 allows a limit of 35 or more characters. */
const MAX_LOCALE_LENGTH = 64
/** The longest name of the database has 32. */
const MAX_ZONE_LENGTH = 64

export function parseName(text: string): string | null {
  const name = trimInvisible(text)
  const codePoints = [...name].length
  return codePoints >= 1 && codePoints <= MAX_NAME_CODE_POINTS ? name : null
}

/** Refuses a URL with a user name or a password: browsers load no such picture, and everybody who sees it would see the password. */
export function parsePicture(text: string): string | null {
  const trimmed = trimInvisible(text)
  if (trimmed.length > MAX_PICTURE_LENGTH) return null
  const url = URL.parse(trimmed)
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return null
  return url.href.length <= MAX_PICTURE_LENGTH ? url.href : null
}

/** Accepts the tags of UTS #35, which are those of BCP 47 without the grandfathered ones and those of private use alone. */
export function parseLocale(text: string): string | null {
  const tag = trimInvisible(text)
  if (tag.length > MAX_LOCALE_LENGTH) return null
  const [locale] = orUndefined(() => Intl.getCanonicalLocales(tag)) ?? []
  return locale !== undefined && locale.length <= MAX_LOCALE_LENGTH ? locale : null
}

/** ICU also knows abbreviations of its own, some of which mean several zones, such as "CST". The database has only these. */
const ABBREVIATIONS: ReadonlySet<string> = new Set(
  'CET EET EST GMT HST MET MST PRC ROC ROK UCT UTC WET'.split(' '),
)
const NOT_IN_DATABASE = /^(?:[+-]|SystemV\/)/i

/**
 * Accepts the zones that the runtime knows, in any case. Keeps a name that ICU knows as a link, because ICU follows links to names
 * that are older: from Asia/Kolkata to Asia/Calcutta.
 */
export function parseZone(text: string): string | null {
  const name = trimInvisible(text)
  if (name.length > MAX_ZONE_LENGTH || NOT_IN_DATABASE.test(name)) return null
  if (name.length === 3 && !ABBREVIATIONS.has(name.toUpperCase())) return null
  const zone = orUndefined(() => new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone)
  if (zone === undefined) return null
  return zone.toLowerCase() === name.toLowerCase() ? zone : name
}

/** @returns undefined if `Intl` rejects the text */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

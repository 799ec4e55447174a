/** A browser as its owner would call it. Pure. */

/** The first that matches: many claim to be the ones further down. */
const BROWSERS = [
  [/Edg(e|A|iOS)?\//, 'Edge'],
  [/OPR\/|Opera/, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrom(e|ium)\/|CriOS\//, 'Chrome'],
  [/^(?=.*Version\/).* Safari\//, 'Safari'],
] as const
const SYSTEMS = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad|iPod/, 'iOS'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
] as const

/**
 * @param on how a browser and its system are said together
 * @returns the text itself, cut, for what is no known browser; null for none
 */
export function browserName(
  userAgent: string | null,
  on: (browser: string, system: string) => string,
): string | null {
  if (userAgent === null || userAgent === '') return null
  const find = (names: readonly (readonly [RegExp, string])[]) =>
    names.find(([pattern]) => pattern.test(userAgent))?.[1]
  const browser = find(BROWSERS)
  if (browser === undefined) return userAgent.slice(0, 40)
  const system = find(SYSTEMS)
  return system === undefined ? browser : on(browser, system)
}

/** The name of a browser and its operating system, from the user agent. Pure. */

/** The first match counts, because many browsers also claim to be one further down. */
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
 * @param join combines the names of the browser and its system
 * @returns for an unknown browser, the first 40 characters of the user agent; null without a user agent
 */
export function browserName(
  userAgent: string | null,
  join: (browser: string, system: string) => string,
): string | null {
  if (userAgent === null || userAgent === '') return null
  const find = (names: readonly (readonly [RegExp, string])[]) =>
    names.find(([pattern]) => pattern.test(userAgent))?.[1]
  const browser = find(BROWSERS)
  if (browser === undefined) return userAgent.slice(0, 40)
  const system = find(SYSTEMS)
  return system === undefined ? browser : join(browser, system)
}

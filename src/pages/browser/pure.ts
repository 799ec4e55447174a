/** What the script of the pages computes without a page. Pure. */

/** The sections of the account, by the first segment of the paths of their forms and pages. */
const ACCOUNT_SECTIONS: Readonly<Record<string, string>> = {
  security: '/security',
  password: '/security',
  devices: '/devices',
  sessions: '/devices',
  delete: '/delete',
}

/**
 * @param address of a page, which may be the answer to a form or the target of its redirect
 * @returns the address under which a reload opens the page again, without sending the form or repeating a message
 */
export function lastingAddress(address: string): string {
  const url = new URL(address)
  url.searchParams.delete('done')
  url.searchParams.delete('just_logged_in')
  url.pathname = url.pathname
    .replace(/^\/auth\/pages/, '')
    .replace(/^\/account\/([^/]*).*/, (_path, section) => `/account${ACCOUNT_SECTIONS[section] ?? ''}`)
  return url.href
}

const UNITS = { hour: 3600, minute: 60, second: 1 } as const

/** @returns the time in whole units of the language, such as "4 min 32 sec" */
export function remainingTime(totalSeconds: number, language: string): string {
  const parts = Object.entries(UNITS).map(([unit, seconds], index, units) => {
    const [, larger = Number.POSITIVE_INFINITY] = units[index - 1] ?? []
    return { unit, count: Math.floor((totalSeconds % larger) / seconds) }
  })
  const first = parts.findIndex(({ count }) => count > 0)
  const texts = parts
    .slice(first)
    .map(({ unit, count }) => new Intl.NumberFormat(language, { style: 'unit', unit }).format(count))
  return new Intl.ListFormat(language, { type: 'unit', style: 'narrow' }).format(texts)
}

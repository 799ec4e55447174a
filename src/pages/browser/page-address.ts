/** The address that the browser shows for a page. Pure. */

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

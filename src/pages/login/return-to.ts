/** Where the browser goes after a log in: back to a configured origin, nowhere else. Pure. */

/**
 * @param text what the query says
 * @param origins those that may be returned to, exactly
 * @returns the whole address; null for none, or for one that is not allowed
 */
export function readReturnTo(text: string | undefined, origins: readonly string[]): string | null {
  const url = URL.parse(text ?? '')
  // The origin of a blob: is that of the page that made it.
  if (url === null || url.protocol === 'blob:' || !origins.includes(url.origin)) return null
  // Shown in the address it would mislead, and no page asks for it.
  return url.username + url.password === '' ? url.href : null
}

/** @param path may have a query. @returns it with where to return to where that is known */
export function withReturnTo(path: string, returnTo: string | null): string {
  const separator = path.includes('?') ? '&' : '?'
  return returnTo === null ? path : `${path}${separator}${new URLSearchParams({ return_to: returnTo })}`
}

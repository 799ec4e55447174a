/** The address that the browser returns to after a login. It has to be on a configured origin. Pure. */

/**
 * @param text the query parameter
 * @param origins the allowed origins, compared exactly
 * @returns the complete URL, or null if it is missing or not allowed
 */
export function readReturnTo(text: string | undefined, origins: readonly string[]): string | null {
  const url = URL.parse(text ?? '')
  // The origin of a blob: URL is the origin of the page that created it.
  if (url === null || url.protocol === 'blob:' || !origins.includes(url.origin)) return null
  // The address bar shows a user name, which could mislead; no app needs one here.
  return url.username + url.password === '' ? url.href : null
}

/** @param path may have a query. @returns the path with `return_to` in its query, unchanged if returnTo is null */
export function withReturnTo(path: string, returnTo: string | null): string {
  const separator = path.includes('?') ? '&' : '?'
  return returnTo === null ? path : `${path}${separator}${new URLSearchParams({ return_to: returnTo })}`
}

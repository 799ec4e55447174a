/** The cookies of a request (RFC 6265bis section 5.8.3, and 5.6 for what surrounds a name). Pure. */

/** Cloudflare's edge accepts no more than this for all headers together. */
const MAX_COOKIES_LENGTH = 131_072

/**
 * @param header the Cookie header, undefined if it was not sent
 * @returns the values of all cookies with this name, as they were sent: quotes and percent signs have no special meaning
 */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  if (header === undefined || header.length > MAX_COOKIES_LENGTH) return []
  return header.split(';').flatMap((pair) => {
    const equals = pair.indexOf('=')
    const isNamed = equals !== -1 && trimBlanks(pair.slice(0, equals)) === name
    return isNamed ? [trimBlanks(pair.slice(equals + 1))] : []
  })
}

/** Removes only spaces and tabs: a no-break space is part of a name, which is then a different name. */
function trimBlanks(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text[start])) start += 1
  while (end > start && isBlank(text[end - 1])) end -= 1
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

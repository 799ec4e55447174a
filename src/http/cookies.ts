/** The cookies of a request (RFC 6265bis section 5.8.3, and 5.6 for what surrounds a name). Pure. */

/** Cloudflare's edge takes no more headers than that together. */
const MAX_COOKIES_LENGTH = 131_072

/**
 * @param header the Cookie header, undefined if it was not sent
 * @returns the values of all cookies with this name, as they were sent: neither quotes nor percent signs mean anything
 */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  if (header === undefined || header.length > MAX_COOKIES_LENGTH) return []
  return header.split(';').flatMap((pair) => {
    const equals = pair.indexOf('=')
    const isNamed = equals !== -1 && trimBlanks(pair.slice(0, equals)) === name
    return isNamed ? [trimBlanks(pair.slice(equals + 1))] : []
  })
}

/** Spaces and tabs alone: a no-break space belongs to a name, and makes it another one. */
function trimBlanks(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text[start])) start += 1
  while (end > start && isBlank(text[end - 1])) end -= 1
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

/** Conditional requests (RFC 9110 section 13). Pure. */

/** One entity tag of a list, `W/"a"` or `"a"`, with the commas and spaces before it (sections 5.6.1 and 8.8.3). */
const ENTITY_TAG = /[ \t,]*(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)/gy

/**
 * Whether the requester already has the representation, so that the response to a GET or HEAD is 304 (section 13.1.2). Tags are
 * compared weakly: `W/` does not count.
 * @param ifNoneMatch the header: `*`, or a list of entity tags. A malformed list counts up to its first error
 * @param etag a strong entity tag
 */
export function matchesETag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return [...ifNoneMatch.matchAll(ENTITY_TAG)].some(([, tag]) => tag === etag)
}

import { describe, expect, it } from 'vitest'
import { matchesETag } from '../../src/http/etag.ts'

const ETAG = '"the-tag"'

describe('If-None-Match', () => {
  it.each([
    ['the tag itself', '"the-tag"'],
    ['its weak form', 'W/"the-tag"'],
    ['a list with the tag', '"a", W/"b" ,"the-tag","c"'],
    ['a list with empty elements', ', ,"a",, "the-tag",'],
    ['a list with a tag that contains a comma', '"a,b", "the-tag"'],
    ['any representation', '*'],
    ['any representation, with spaces', ' * '],
  ])('matches %s', (_name, header) => {
    expect(matchesETag(header, ETAG)).toBe(true)
  })

  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['another tag', '"other"'],
    ['a tag that contains it', '"a-the-tag"'],
    ['the tag without quotation marks', 'the-tag'],
    ['the tag in other letters', '"The-Tag"'],
    ['a prefix in lower case, which is not weak', 'w/"the-tag"'],
    ['the tag within another tag', '"a,"the-tag",b"'],
    ['a list without commas', '"a" "the-tag"'],
    ['a star in a list', '*, "a"'],
    ['a tag after an error', 'a, "the-tag"'],
  ])('does not match %s', (_name, header) => {
    expect(matchesETag(header, ETAG)).toBe(false)
  })
})

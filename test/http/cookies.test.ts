import { describe, expect, it } from 'vitest'
import { cookieValues } from '../../src/http/refresh-cookie.ts'

const NAME = 'gatehouse_refresh'

describe('cookieValues', () => {
  it.each<[string, readonly string[]]>([
    [`${NAME}=x`, ['x']],
    [`a=1; ${NAME}=x; b=2`, ['x']],
    [`a=1;${NAME}=x;b=2`, ['x']],
    [`a=1;\t ${NAME} \t= \tx\t `, ['x']],
    [`${NAME}=x=y`, ['x=y']],
    [`${NAME}=`, ['']],
    [`${NAME}=x; ${NAME}=y`, ['x', 'y']],
    [`;;; ${NAME}=x;`, ['x']],
    [`${NAME}=a b`, ['a b']],
  ])('reads the cookie values from %j', (header, values) => {
    expect(cookieValues(header, NAME)).toEqual(values)
  })

  it.each(['%41', '"x"', 'x, y', 'ä', 'x\u00a0'])('returns a cookie value as it was sent: %j', (value) => {
    expect(cookieValues(`${NAME}=${value}; b=2`, NAME)).toEqual([value])
  })

  it.each([
    undefined,
    '',
    NAME,
    `x${NAME}=x`,
    `${NAME}x=x`,
    `${NAME.toUpperCase()}=x`,
    `a=${NAME}=x`,
    `a=1, ${NAME}=x`,
    `"a=1"${NAME}=x`,
    `%67atehouse_refresh=x`,
    ...['\u00a0', '\ufeff', '\u2028', '\u3000', '\v', '\f', '\r', '\n', '\0'].flatMap((space) => [
      `${space}${NAME}=x`,
      `a=1;${space}${NAME}=x`,
      `${NAME}${space}=x`,
    ]),
  ])('finds no cookie of the given name in %j', (header) => {
    expect(cookieValues(header, NAME)).toEqual([])
  })

  it('reads a Cookie header up to 131,072 characters, and no cookie from a longer one', () => {
    const longest = `${NAME}=x;`.padEnd(131_072, ' ')
    expect(cookieValues(longest, NAME)).toEqual(['x'])
    expect(cookieValues(`${longest} `, NAME)).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { dropForClient, dropForOrigin, originHeaderFilter } from '../../src/gateway/headers.ts'

const names = (headers: Headers) => [...headers.keys()]
const toOrigin = (entries: readonly [string, string][], filter = originHeaderFilter('X-Client')) => {
  const headers = new Headers()
  for (const [name, value] of entries) headers.append(name, value)
  dropForOrigin(headers, filter)
  return headers
}

describe('the headers of a request', () => {
  it('decides on a name the second time as the first time, however long the name is', () => {
    const filter = originHeaderFilter('X-Client')
    const dropped = ['x-auth-subject', 'x_auth_subject', 'x_client', 'te', `x-auth-${'a'.repeat(300)}`]
    const passed = ['accept', 'x-authority', 'x-clients', `x-${'a'.repeat(300)}`]
    for (let time = 1; time <= 2; time++) {
      for (const name of dropped) expect(filter(name), name).toBe(true)
      for (const name of passed) expect(filter(name), name).toBe(false)
    }
  })

  it('decides rightly on more names than it keeps', () => {
    const filter = originHeaderFilter('X-Client')
    const decideAll = () => {
      for (let n = 0; n < 1_500; n++) {
        expect(filter(`x-auth-${n}`)).toBe(true)
        expect(filter(`x-other-${n}`)).toBe(false)
      }
    }
    decideAll()
    decideAll()
  })

  it('drops what Connection names in one request, and passes it in the next one', () => {
    const filter = originHeaderFilter('X-Client')
    const first = toOrigin(
      [
        ['Connection', 'close, X-Trace'],
        ['X-Trace', '1'],
        ['Accept', '*/*'],
      ],
      filter,
    )
    expect(names(first)).toEqual(['accept'])
    expect(names(toOrigin([['X-Trace', '1']], filter))).toEqual(['x-trace'])
  })

  it('passes every value of a repeated header as it was sent', () => {
    const headers = toOrigin([
      ['X-Trace', 'caf\u00e9'],
      ['X-Trace', '2'],
    ])
    expect(headers.get('X-Trace')).toBe('caf\u00e9, 2')
  })
})

describe('the headers of a response', () => {
  it('drops the cookies of the service, and passes the others in their order', () => {
    const headers = new Headers()
    const others = ['a=1; Path=/', 'b=2, with a comma', 'a=3']
    for (const cookie of ['gatehouse_x=1', ...others, '__Host-gatehouse_y=1'])
      headers.append('Set-Cookie', cookie)
    dropForClient(headers, true)
    expect(headers.getSetCookie()).toEqual(others)
  })

  it('drops headers for a whole host only where that host has hosted pages', () => {
    const received = { NEL: '{}', 'Clear-Site-Data': '"*"', Upgrade: 'h2c', ETag: '"a"' }
    const own = new Headers(received)
    dropForClient(own, true)
    expect(names(own)).toEqual(['etag', 'nel'])
    const shared = new Headers(received)
    dropForClient(shared, false)
    expect(names(shared)).toEqual(['etag'])
  })
})

/** Which paths, methods and bodies the service accepts. */
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  call,
  newAddress,
  newName,
  ok,
  PASSWORD,
  PUBLIC_URL,
  refused,
  workerWith,
} from '../support/client.ts'

afterEach(() => vi.restoreAllMocks())

const JSON_TYPE = { 'Content-Type': 'application/json' }
const valid = () => ({ username: newName(), password: PASSWORD })

describe('paths and methods', () => {
  it.each([
    '/login/',
    '/auth',
    '/auth/login/',
    '/auth/me/',
    '/AUTH/login',
    '//auth/login',
    '/errors/',
    '/errors',
  ])('answers 404 to the path %s', async (path) => {
    expect(await refused(call('GET', path))).toMatchObject({ status: 404, code: 'not_found' })
  })

  it.each([
    ['GET', '/auth/login', 'POST'],
    ['HEAD', '/auth/register', 'POST'],
    ['PUT', '/auth/me', 'GET, HEAD, PATCH, DELETE'],
    ['POST', '/auth/sessions', 'GET, HEAD, DELETE'],
    ['GET', '/auth/sessions/x', 'DELETE'],
    ['POST', '/.well-known/jwks.json', 'GET, HEAD'],
    ['DELETE', '/healthz', 'GET, HEAD'],
    ['OPTIONS', '/auth/refresh', 'POST'],
  ])('answers 405 to %s %s, with Allow: %s', async (method, path, allow) => {
    const response = await call(method, path)
    expect(response.status).toBe(405)
    expect(response.headers.get('Allow')).toBe(allow)
    if (method !== 'HEAD') expect(await response.json()).toMatchObject({ code: 'method_not_allowed' })
  })

  it('answers HEAD like GET, without the body', async () => {
    const [get, head] = [await call('GET', '/healthz'), await call('HEAD', '/healthz')]
    expect(head.status).toBe(200)
    expect(head.headers.get('Content-Type')).toBe(get.headers.get('Content-Type'))
    expect(await head.text()).toBe('')
  })

  it('ignores unknown query parameters', async () => {
    await ok(call('GET', '/healthz?a=b'))
  })
})

describe('request bodies', () => {
  const post = (body: BodyInit, headers: Record<string, string> = JSON_TYPE) =>
    workerWith({})(
      new Request(`${PUBLIC_URL}/auth/login`, {
        method: 'POST',
        body,
        headers: { 'CF-Connecting-IP': newAddress(), ...headers },
      }),
    )

  const ofLength = (bytes: number) => {
    const frame = JSON.stringify({ identifier: 'x', password: '' })
    return JSON.stringify({ identifier: 'x', password: 'p'.repeat(bytes - frame.length) })
  }

  const chunked = (text: string) => new Response(text).body ?? ''

  it.each([
    ['as a whole', (text: string): BodyInit => text],
    ['chunked', chunked],
  ])('accepts a body of 16,384 bytes and rejects one more byte: %s', async (_how, send) => {
    expect(await refused(post(send(ofLength(16_384))))).toMatchObject({ code: 'invalid_credentials' })
    expect(await refused(post(send(ofLength(16_385))))).toMatchObject({ status: 413, code: 'body_too_large' })
  })

  it.each([
    'application/json; charset=utf-8',
    'Application/JSON',
    'application/json;charset="utf-8"; x=y',
    'application/json ;',
  ])('accepts the media type %s', async (type) => {
    const body = JSON.stringify({ identifier: 'x', password: 'y' })
    expect(await refused(post(body, { 'Content-Type': type }))).toMatchObject({ code: 'invalid_credentials' })
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/problem+json',
    '',
  ])('rejects the media type %j', async (type) => {
    const body = new TextEncoder().encode('{}')
    const headers: Record<string, string> = type === '' ? {} : { 'Content-Type': type }
    expect(await refused(post(body, headers))).toMatchObject({ status: 415, code: 'unsupported_media_type' })
  })

  it.each([
    ['an empty body', ''],
    ['half an object', '{"identifier":'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"text"'],
    ['two objects', '{}{}'],
    ['bytes that are not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)],
  ])('rejects %s as malformed JSON', async (_what, body) => {
    expect(await refused(post(body))).toMatchObject({ status: 400, code: 'malformed_json' })
  })

  it.each([
    ['objects', '{"":', '}'],
    ['arrays', '[', ']'],
  ])('rejects %s nested as deep as fits, like any other invalid field', async (_what, open, close) => {
    const depth = Math.floor(16_000 / (open.length + close.length))
    const body = `{"identifier":${open.repeat(depth)}1${close.repeat(depth)}}`
    for (let time = 1; time <= 5; time++) expect(await refused(post(body))).toMatchObject({ status: 422 })
  })

  it('answers malformed_request to a body that breaks off, and logs no error', async () => {
    const error = vi.spyOn(console, 'error')
    const broken = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"identifier":')),
      pull: (controller) => controller.error(new Error('Network connection lost.')),
    })
    expect(await refused(post(broken))).toMatchObject({ status: 400, code: 'malformed_request' })
    expect(error).not.toHaveBeenCalled()
  })

  it.each([
    ['while it is read', ['{"identifier":'], 'application/json', '/auth/login'],
    ['before its first byte', [], 'application/json', '/auth/login'],
    ['on its way to an origin', ['{"identifier":'], 'text/plain', '/api/x'],
  ])('answers malformed_request to a body that breaks off %s', async (_when, texts, type, path) => {
    const gateway = workerWith({ GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL, required: false } } })
    const body = new ReadableStream({
      pull: (controller) => {
        const text = texts.shift()
        if (text === undefined) controller.error(new Error('Network connection lost.'))
        else controller.enqueue(new TextEncoder().encode(text))
      },
    })
    const headers = { 'Content-Type': type, 'CF-Connecting-IP': newAddress() }
    const response = gateway(new Request(PUBLIC_URL + path, { method: 'POST', body, headers }))
    expect(await refused(response)).toMatchObject({ status: 400, code: 'malformed_request' })
  })

  it.each(['identity', 'Identity', 'identity, IDENTITY', ' identity ,', ''])(
    'accepts a body with Content-Encoding %j, which means that it is not encoded',
    async (encoding) => {
      const body = JSON.stringify({ identifier: newName(), password: 'y' })
      const headers = { ...JSON_TYPE, 'Content-Encoding': encoding }
      expect(await refused(post(body, headers))).toMatchObject({ code: 'invalid_credentials' })
    },
  )

  const ENCODINGS = [
    'gzip',
    'GZIP',
    'br',
    'zstd',
    'x-gzip',
    'identity, gzip',
    'gzip,identity',
    'none',
    'x'.repeat(300),
  ]

  it.each(ENCODINGS)('rejects a body with Content-Encoding %j', async (encoding) => {
    const headers = { ...JSON_TYPE, 'Content-Encoding': encoding }
    const unsupported = { status: 415, code: 'unsupported_media_type' }
    expect(await refused(post('{}', headers))).toMatchObject(unsupported)
    expect(await refused(call('POST', '/auth/refresh', { body: '{}', headers }))).toMatchObject(unsupported)
    expect(await refused(call('PATCH', '/auth/me', { body: '{}', headers }))).toMatchObject(unsupported)
    expect(await refused(call('PUT', '/admin/limits', { body: '{}', headers }))).toMatchObject(unsupported)
  })

  it('rejects an encoded form at /oauth2 and at the pages', async () => {
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Encoding': 'gzip',
      'Sec-Fetch-Site': 'same-origin',
    }
    for (const path of ['/oauth2/introspect', '/oauth2/revoke', '/login', '/register']) {
      expect((await call('POST', path, { body: 'token=x', headers })).status).toBe(415)
    }
  })

  it('forwards an encoded body to its origin unchanged', async () => {
    const gateway = workerWith({ GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL, required: false } } })
    const headers = { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }
    const response = await call('POST', '/api/x', { body: 'coded', headers }, gateway)
    expect(response.status).toBe(200)
    const arrived = new TextDecoder().decode(await response.bytes())
    expect(arrived).toMatch(/^content-encoding: gzip\r$/im)
    expect(arrived).toContain('\r\ncoded')
  })

  it('reports every invalid field at once', async () => {
    const body = {
      username: 'a\u0007b',
      email: 'no address',
      phone: 5,
      password: 'x\ud800',
      challenge: [],
      rolls: 1,
      more: 2,
    }
    const { code, errors } = await refused(call('POST', '/auth/register', { body: JSON.stringify(body) }))
    expect(code).toBe('invalid_request')
    expect(errors?.map(({ field }) => field).toSorted()).toEqual(
      ['challenge', 'email', 'more', 'password', 'phone', 'rolls', 'username'].toSorted(),
    )
  })

  it('rejects a field named __proto__', async () => {
    const body = `{"username":"${newName()}","password":"${PASSWORD}","__proto__":{"admin":true}}`
    expect(await refused(call('POST', '/auth/register', { body }))).toMatchObject({
      errors: [{ field: '__proto__', message: 'Unknown field.' }],
    })
  })

  it('reports a missing identifier together with the other problems', async () => {
    const { errors } = await refused(call('POST', '/auth/register', { body: { extra: 1 } }))
    expect(errors?.map(({ field }) => field).toSorted()).toEqual([
      'email',
      'extra',
      'password',
      'phone',
      'username',
    ])
  })

  it('treats null as absent', async () => {
    const body = { ...valid(), email: null, challenge: null }
    await ok(call('POST', '/auth/register', { body }), 201)
    const { errors } = await refused(
      call('POST', '/auth/login', { body: { identifier: null, password: 'x' } }),
    )
    expect(errors).toEqual([{ field: 'identifier', message: 'Required.' }])
  })

  it.each([
    ['an empty identifier', { identifier: '', password: 'x' }, 'identifier'],
    ['an identifier of invisible characters', { identifier: ' \u200b\u202a', password: 'x' }, 'identifier'],
    ['an empty password', { identifier: 'x', password: '' }, 'password'],
    ['a control character', { identifier: 'a\u0000b', password: 'x' }, 'identifier'],
    ['a C1 control character', { identifier: 'a\u0085b', password: 'x' }, 'identifier'],
    ['a lone surrogate', { identifier: 'a\udc00b', password: 'x' }, 'identifier'],
    ['a scope that is not a string', { identifier: 'a', password: 'x', scope: ['a'] }, 'scope'],
    ['a number for the password', { identifier: 'a', password: 12_345_678 }, 'password'],
  ])('rejects %s at login', async (_what, body, field) => {
    const { status, errors } = await refused(call('POST', '/auth/login', { body }))
    expect(status).toBe(422)
    expect(errors?.map((error) => error.field)).toEqual([field])
  })

  it('never repeats submitted values in an error', async () => {
    const body = { identifier: 'x', password: 'secret-in-body', hidden: 'secret-in-field', scope: 5 }
    const response = await call('POST', '/auth/login', { body })
    expect(await response.text()).not.toContain('secret-in')
    const broken = await call('POST', '/auth/login', { body: '{"password":"secret-in-body"' })
    expect(await broken.text()).not.toContain('secret-in')
  })

  it('ignores a solved challenge that is not required', async () => {
    await ok(call('POST', '/auth/register', { body: { ...valid(), challenge: 'x'.repeat(5_000) } }), 201)
  })
})

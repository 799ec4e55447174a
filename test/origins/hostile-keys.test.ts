/** Key sets from servers that are down, slow or hostile, over real HTTP. */
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { createVerifier, type VerifierOptions } from 'gatehouse-edge/verify'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../dev/project.ts'
import { claimsOf } from '../support/claims.ts'
import { closeAll, listen } from './listening.ts'

const ISSUER = 'https://auth.example.test'
const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
const jwk = { ...(await exportJWK(publicKey)), kid: 'key', alg: 'ES256', use: 'sig' }
const SET = JSON.stringify({ keys: [jwk] })

const json = (response: ServerResponse, body: string | Buffer, headers = {}) => {
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(body)
}

/** Writes until the other side closes the connection. */
function flood(response: ServerResponse, chunk: Buffer | string, everyMs: number): void {
  response.writeHead(200, { 'Content-Type': 'application/json' })
  const timer = setInterval(() => response.write(chunk), everyMs)
  response.once('close', () => clearInterval(timer))
}

let url = ''
let redirected = 0
const BEHAVIOURS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'a set': (response) => json(response, SET),
  'a set of another type': (response) => json(response, SET, { 'Content-Type': 'text/plain' }),
  'an endless response': (response) => flood(response, Buffer.alloc(65_536, ' '), 1),
  'a response of a megabyte': (response) => json(response, SET + ' '.repeat(1_048_576)),
  'a megabyte, compressed to one thousand bytes': (response) =>
    json(response, gzipSync(SET + ' '.repeat(1_048_576)), { 'Content-Encoding': 'gzip' }),
  'no response': () => undefined,
  'a slow response that never ends': (response) => flood(response, ' ', 100),
  'a response that is cut off': (response) => {
    response.writeHead(200, { 'Content-Length': String(SET.length) })
    response.write(SET.slice(0, 20), () => response.destroy())
  },
  'a redirect': (response) => void response.writeHead(302, { Location: `${url}/redirected` }).end(),
  'a permanent redirect': (response) => void response.writeHead(308, { Location: `${url}/redirected` }).end(),
  'an error with a set': (response) => void response.writeHead(500).end(SET),
  'part of a set': (response) => void response.writeHead(206).end(SET),
  'an HTML page': (response) =>
    json(response, '<!doctype html><title>Log in</title>', { 'Content-Type': 'text/html' }),
  'an empty response': (response) => json(response, ''),
  'half a set': (response) => json(response, SET.slice(0, -1)),
  'a set of invalid members': (response) => json(response, '{"keys":[1,null,"x",{},[]]}'),
  'a set of symmetric keys': (response) =>
    json(response, '{"keys":[{"kty":"oct","k":"AAAA","kid":"key","alg":"HS256"}]}'),
  'an empty set': (response) => json(response, '{"keys":[]}'),
}

beforeAll(async () => {
  url = await listen((request, response) => {
    if (request.url === '/redirected') redirected += 1
    const behave = BEHAVIOURS[decodeURIComponent((request.url ?? '').slice(1))]
    if (behave === undefined) json(response, SET)
    else behave(response)
  })
})
afterAll(closeAll)

/** A verifier whose key set comes from a server with this behaviour. */
const verifierOf = (behaviour: string, options: Partial<VerifierOptions> = {}) =>
  createVerifier({
    issuer: ISSUER,
    audience: ISSUER,
    jwksUrl: `${url}/${encodeURIComponent(behaviour)}`,
    ...options,
  })
const token = await new SignJWT(claimsOf(ISSUER, Math.floor(Date.now() / 1000)))
  .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key' })
  .sign(privateKey)

const GOOD = ['a set', 'a set of another type']
const UNAVAILABLE = { code: 'keys_unavailable', status: 503 }

describe('key set server', () => {
  it.each(GOOD)('accepts %s from a key set server', async (behaviour) => {
    expect(await verifierOf(behaviour).verify(token)).toMatchObject({ sub: 'account' })
  })

  it.concurrent.each(Object.keys(BEHAVIOURS).filter((behaviour) => !GOOD.includes(behaviour)))(
    'reports keys_unavailable on a cold start, and keeps known keys, for a server that sends %s',
    async (behaviour) => {
      await expect(verifierOf(behaviour).verify(token)).rejects.toMatchObject(UNAVAILABLE)
      expect(redirected).toBe(0)
      let aheadMs = 0
      let path = 'a set'
      const verifier = createVerifier({
        issuer: ISSUER,
        audience: ISSUER,
        fetch: (_url, init) => fetch(`${url}/${encodeURIComponent(path)}`, init),
        now: () => Date.now() + aheadMs,
      })
      await verifier.verify(token)
      path = behaviour
      aheadMs = 301_000
      expect(await verifier.verify(token)).toMatchObject({ sub: 'account' })
    },
  )

  it('reports keys_unavailable for a server that refuses connections', async () => {
    const jwksUrl = `http://127.0.0.1:${await freePort()}/jwks`
    await expect(verifierOf('', { jwksUrl }).verify(token)).rejects.toMatchObject(UNAVAILABLE)
  })

  it('limits the wait for a server that sends no response, also for concurrent requests', async () => {
    const verifier = verifierOf('no response')
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => verifier.verify(token)))
    expect(all.map(({ status }) => status)).not.toContain('fulfilled')
    await expect(verifier.verify(token)).rejects.toMatchObject(UNAVAILABLE)
  })
})

/** RFC 8725: every attack on tokens that it names, at every door that takes one. */
import { env, exports } from 'cloudflare:workers'
import { CompactSign, decodeJwt, exportJWK, exportSPKI, generateKeyPair, importJWK } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { VerifierBinding } from '../../src/gateway/verifier.ts'
import { signAssertion } from '../../src/tokens/assertion.ts'
import { type SigningKey, SigningKeys } from '../../src/tokens/signing-keys.ts'
import { call, newPerson, ok, PUBLIC_URL, workerWith } from '../support/client.ts'

type Claims = Readonly<Record<string, unknown>>
interface Jws {
  readonly header: Claims
  readonly payload: Claims | string
}

const SIGNING = { alg: 'ES256', rotationSeconds: 2_592_000, accessTokenSeconds: 600 } as const

let key: SigningKey
let publicKey: CryptoKey
let claims: Claims
let own: { privateKey: CryptoKey; publicKey: CryptoKey }
const gateway = workerWith({ GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL } } })

beforeAll(async () => {
  const { access_token } = await newPerson()
  claims = decodeJwt(access_token)
  const secrets = { authSecret: String(env.AUTH_SECRET), authSecretAlso: undefined }
  key = await new SigningKeys(env.DB, SIGNING, secrets).signing(Date.now())
  const { keys } = await ok<{ keys: (JsonWebKey & { kid: string })[] }>(call('GET', '/.well-known/jwks.json'))
  publicKey = (await importJWK(keys.find(({ kid }) => kid === key.kid) ?? {}, 'ES256')) as CryptoKey
  own = await generateKeyPair('ES256', { extractable: true })
})

const DOORS: Readonly<Record<string, (token: string) => Promise<number>>> = {
  'GET /auth/me': async (bearer) => (await call('GET', '/auth/me', { bearer })).status,
  'GET /admin/limits': async (bearer) => {
    // A right token of somebody who is no administrator is refused later, with 403.
    const { status } = await call('GET', '/admin/limits', { bearer })
    return status === 403 ? 200 : status
  },
  'GET /auth/verify': async (bearer) => (await call('GET', '/auth/verify', { bearer })).status,
  'the gateway': async (bearer) => (await call('GET', '/api/x', { bearer }, gateway)).status,
  'the verifier of other Workers': async (token) => {
    const { Verifier } = exports as unknown as { Verifier: VerifierBinding }
    const result = await Verifier.verify(`Bearer ${token}`)
    return result.ok ? 200 : result.status
  },
}

const header = () => ({ typ: 'at+jwt', alg: 'ES256', kid: key.kid })

function sign({ header, payload }: Jws, by: CryptoKey | Uint8Array = key.privateKey): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader(header as { alg: string })
    .sign(by, { crit: { b64: true, 'urn:x': true } })
}

const base64Url = (value: object) =>
  btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
const withHeader = (changes: Claims, by?: CryptoKey | Uint8Array) =>
  sign({ header: { ...header(), ...changes }, payload: claims }, by)
const withClaims = (changes: Claims) => sign({ header: header(), payload: { ...claims, ...changes } })
const now = () => Math.floor(Date.now() / 1000)

const ATTACKS: Readonly<Record<string, () => Promise<string>>> = {
  'no algorithm': async () => `${base64Url({ ...header(), alg: 'none' })}.${base64Url(claims)}.`,
  'no algorithm, in capitals': async () =>
    `${base64Url({ ...header(), alg: 'NONE' })}.${base64Url(claims)}.AA`,
  'HS256 with the public key as PEM': async () =>
    withHeader({ alg: 'HS256' }, new TextEncoder().encode(await exportSPKI(publicKey))),
  'HS256 with the public key as JWK': async () =>
    withHeader({ alg: 'HS256' }, new TextEncoder().encode(JSON.stringify(await exportJWK(publicKey)))),
  'the type of any JWT': () => withHeader({ typ: 'JWT' }),
  'the type of an assertion': () => withHeader({ typ: 'edge-assertion+jwt' }),
  'no type': () => sign({ header: { alg: 'ES256', kid: key.kid }, payload: claims }),
  'an unknown key': () => withHeader({ kid: 'unknown' }, own.privateKey),
  'a known key that did not sign it': () => withHeader({}, own.privateKey),
  'a key id that is a path': () => withHeader({ kid: '../../dev/null' }, own.privateKey),
  'a key id that is SQL': () => withHeader({ kid: "' OR 1=1 --" }, own.privateKey),
  'no key id': () => sign({ header: { typ: 'at+jwt', alg: 'ES256' }, payload: claims }),
  'a critical extension': () => withHeader({ crit: ['urn:x'], 'urn:x': true }),
  'its own key': async () => withHeader({ jwk: await exportJWK(own.publicKey) }, own.privateKey),
  'its own key, and no other': async () =>
    sign(
      { header: { typ: 'at+jwt', alg: 'ES256', jwk: await exportJWK(own.publicKey) }, payload: claims },
      own.privateKey,
    ),
  'the address of a key set': () =>
    withHeader({ kid: 'x', jku: `${env.RAW_ORIGIN_URL}/jwks` }, own.privateKey),
  'the address of a certificate': () =>
    withHeader({ kid: 'x', x5u: `${env.RAW_ORIGIN_URL}/x5u` }, own.privateKey),
  'a certificate': () => withHeader({ kid: 'x', x5c: ['MIIB'] }, own.privateKey),
  'another issuer': () => withClaims({ iss: 'https://other.example' }),
  'an issuer with a slash more': () => withClaims({ iss: `${PUBLIC_URL}/` }),
  'another audience': () => withClaims({ aud: 'https://other.example' }),
  'several audiences': () => withClaims({ aud: [PUBLIC_URL, 'https://other.example'] }),
  'no audience': () => withClaims({ aud: undefined }),
  'an end that has come': () => withClaims({ exp: now() }),
  'no end': () => withClaims({ exp: undefined }),
  'an end that is no number': () => withClaims({ exp: '9999999999' }),
  'a beginning that has not come': () => withClaims({ nbf: now() + 60 }),
  'an issue that has not come': () => withClaims({ iat: now() + 60, nbf: now() + 60 }),
  'a claim twice, the forged one last': () =>
    sign({
      header: header(),
      payload: JSON.stringify(claims).replace(/}$/, ',"aud":"https://other.example"}'),
    }),
  'a header that is no JSON': async () => `${btoa('{"alg":').replace(/=+$/, '')}.${base64Url(claims)}.AA`,
  'claims that are no object': () => sign({ header: header(), payload: '[]' }),
  'no claims': () => sign({ header: header(), payload: '' }),
  'a part more': async () => `${await withClaims({})}.AA`,
  'data behind it': async () => `${await withClaims({})}=`,
  'white space within': async () => (await withClaims({})).replace('.', ' .'),
  'a signature cut short': async () => (await withClaims({})).slice(0, -4),
  'an encrypted form': async () => `${await withClaims({})}.AA.AA`,
  'the JSON serialization': async () => {
    const [head, payload, signature] = (await withClaims({})).split('.')
    return JSON.stringify({ protected: head, payload, signature })
  },
  'an assertion': () =>
    signAssertion(
      {
        issuer: PUBLIC_URL,
        audience: PUBLIC_URL,
        subject: String(claims.sub),
        sessionId: String(claims.sid),
        roles: [],
        scope: [],
        issuedAt: now(),
        expiresAt: now() + 60,
      },
      key,
    ),
}

describe.each(Object.entries(DOORS))('%s', (_door, open) => {
  it('lets in a token with nothing changed', async () => {
    expect(await open(await withClaims({}))).toBe(200)
  })

  it.each(Object.entries(ATTACKS))('refuses a token with %s', async (_attack, forge) => {
    expect(await open(await forge())).toBe(401)
  })
})

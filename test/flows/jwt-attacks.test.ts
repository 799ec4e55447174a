/** Every attack on tokens that RFC 8725 names, against every place that accepts a token. */
import { env, exports } from 'cloudflare:workers'
import {
  CompactEncrypt,
  CompactSign,
  decodeJwt,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { VerifierBinding } from '../../src/gateway/verifier.ts'
import { SharedRecords } from '../../src/shared-record.ts'
import { type SigningKey, SigningKeys } from '../../src/tokens/signing-keys.ts'
import { createVerifier } from '../../src/verify/index.ts'
import { call, newPerson, ok, PUBLIC_URL, worker, workerWith } from '../support/client.ts'
import { requestAt } from '../support/clock.ts'
import type { KeySet } from '../support/responses.ts'

type Claims = Readonly<Record<string, unknown>>
interface Jws {
  readonly header: Claims
  readonly payload: Claims | string
}

const SIGNING = { alg: 'ES256', rotationSeconds: 2_592_000, accessTokenSeconds: 600 } as const

let key: SigningKey
let publicKey: CryptoKey
let accessToken: Claims
let assertion: Claims
let own: { privateKey: CryptoKey; publicKey: CryptoKey }
const gateway = workerWith({ GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL } } })

beforeAll(async () => {
  const { access_token } = await newPerson()
  accessToken = decodeJwt(access_token)
  const { iss, aud, sub, sid, roles, scope, jti } = accessToken
  assertion = { iss, aud, sub, sid, roles, scope, jti, iat: now(), exp: now() + 60 }
  const secrets = { authSecret: String(env.AUTH_SECRET), authSecretFallback: undefined }
  key = await new SigningKeys(env.DB, new SharedRecords(env.DB), SIGNING, secrets).signing(
    requestAt(Date.now()),
  )
  const { keys } = await ok<KeySet>(call('GET', '/.well-known/jwks.json'))
  publicKey = (await importJWK(keys.find(({ kid }) => kid === key.kid) ?? {}, 'ES256')) as CryptoKey
  own = await generateKeyPair('ES256', { extractable: true })
})

interface Kind {
  readonly typ: string
  readonly otherTyp: string
  readonly claims: () => Claims
}
const ACCESS: Kind = { typ: 'at+jwt', otherTyp: 'edge-assertion+jwt', claims: () => accessToken }
const ASSERTION: Kind = { typ: ACCESS.otherTyp, otherTyp: ACCESS.typ, claims: () => assertion }

/** The verifier of an origin, with the published keys of the service. */
const decryption = await generateKeyPair('ECDH-ES', { extractable: true, crv: 'P-256' })
const verifier = createVerifier({
  issuer: PUBLIC_URL,
  audience: PUBLIC_URL,
  fetch: (url, init) => worker(new Request(url, init)),
  decryptionKeys: [{ ...(await exportJWK(decryption.privateKey)), kid: 'own' } as JWK],
})
const statusOf = (verification: Promise<unknown>) =>
  verification.then(
    () => 200,
    ({ status }: { status: number }) => status,
  )
const encrypted = (token: string) =>
  new CompactEncrypt(new TextEncoder().encode(token))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', cty: 'JWT', kid: 'own' })
    .encrypt(decryption.publicKey)

const ACCESS_TOKEN_RECEIVERS: Readonly<Record<string, (token: string) => Promise<number>>> = {
  'GET /auth/me': async (bearer) => (await call('GET', '/auth/me', { bearer })).status,
  'GET /admin/limits': async (bearer) => {
    // A valid token of an account that is no administrator is rejected later, with 403.
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
  'gatehouse-edge/verify': (token) => statusOf(verifier.verify(token)),
  'a request, by gatehouse-edge/verify': (token) =>
    statusOf(verifier.verifyRequest({ headers: { authorization: `Bearer ${token}` } })),
}

const ASSERTION_RECEIVERS: typeof ACCESS_TOKEN_RECEIVERS = {
  'an assertion, by gatehouse-edge/verify': (token) => statusOf(verifier.verifyAssertion(token)),
  'an encrypted assertion, by gatehouse-edge/verify': async (token) =>
    statusOf(verifier.verifyAssertion(await encrypted(token))),
}

const header = ({ typ }: Kind) => ({ typ, alg: 'ES256', kid: key.kid })

function sign({ header, payload }: Jws, by: CryptoKey | Uint8Array = key.privateKey): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader(header as { alg: string })
    .sign(by, { crit: { b64: true, 'urn:x': true } })
}

const base64Url = (value: object) =>
  btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
const withHeader = (kind: Kind, changes: Claims, by?: CryptoKey | Uint8Array) =>
  sign({ header: { ...header(kind), ...changes }, payload: kind.claims() }, by)
const withClaims = (kind: Kind, changes: Claims) =>
  sign({ header: header(kind), payload: { ...kind.claims(), ...changes } })
const now = () => Math.floor(Date.now() / 1000)

const ATTACKS: Readonly<Record<string, (kind: Kind) => Promise<string>>> = {
  'no algorithm': async (kind) =>
    `${base64Url({ ...header(kind), alg: 'none' })}.${base64Url(kind.claims())}.`,
  'no algorithm, in capitals': async (kind) =>
    `${base64Url({ ...header(kind), alg: 'NONE' })}.${base64Url(kind.claims())}.AA`,
  'HS256 with the public key as PEM': async (kind) =>
    withHeader(kind, { alg: 'HS256' }, new TextEncoder().encode(await exportSPKI(publicKey))),
  'HS256 with the public key as JWK': async (kind) =>
    withHeader(kind, { alg: 'HS256' }, new TextEncoder().encode(JSON.stringify(await exportJWK(publicKey)))),
  'the type JWT': (kind) => withHeader(kind, { typ: 'JWT' }),
  'the type of the other kind of token': (kind) => withHeader(kind, { typ: kind.otherTyp }),
  'no type': (kind) => sign({ header: { alg: 'ES256', kid: key.kid }, payload: kind.claims() }),
  'an unknown key': (kind) => withHeader(kind, { kid: 'unknown' }, own.privateKey),
  'a known key that did not sign it': (kind) => withHeader(kind, {}, own.privateKey),
  'a key id that is a path': (kind) => withHeader(kind, { kid: '../../dev/null' }, own.privateKey),
  'a key id that is SQL': (kind) => withHeader(kind, { kid: "' OR 1=1 --" }, own.privateKey),
  'no key id': (kind) => sign({ header: { typ: kind.typ, alg: 'ES256' }, payload: kind.claims() }),
  'a critical extension': (kind) => withHeader(kind, { crit: ['urn:x'], 'urn:x': true }),
  'its own key in jwk': async (kind) =>
    withHeader(kind, { jwk: await exportJWK(own.publicKey) }, own.privateKey),
  'its own key in jwk and no key id': async (kind) =>
    sign(
      {
        header: { typ: kind.typ, alg: 'ES256', jwk: await exportJWK(own.publicKey) },
        payload: kind.claims(),
      },
      own.privateKey,
    ),
  'the URL of a key set': (kind) =>
    withHeader(kind, { kid: 'x', jku: `${env.RAW_ORIGIN_URL}/jwks` }, own.privateKey),
  'the URL of a certificate': (kind) =>
    withHeader(kind, { kid: 'x', x5u: `${env.RAW_ORIGIN_URL}/x5u` }, own.privateKey),
  'a certificate': (kind) => withHeader(kind, { kid: 'x', x5c: ['MIIB'] }, own.privateKey),
  'another issuer': (kind) => withClaims(kind, { iss: 'https://other.example' }),
  'an issuer with a trailing slash': (kind) => withClaims(kind, { iss: `${PUBLIC_URL}/` }),
  'another audience': (kind) => withClaims(kind, { aud: 'https://other.example' }),
  'several audiences': (kind) => withClaims(kind, { aud: [PUBLIC_URL, 'https://other.example'] }),
  'no audience': (kind) => withClaims(kind, { aud: undefined }),
  'an expiry that has passed': (kind) => withClaims(kind, { exp: now() }),
  'no expiry': (kind) => withClaims(kind, { exp: undefined }),
  'an expiry that is not a number': (kind) => withClaims(kind, { exp: '9999999999' }),
  'nbf in the future': (kind) => withClaims(kind, { nbf: now() + 60 }),
  'iat in the future': (kind) => withClaims(kind, { iat: now() + 60, nbf: now() + 60 }),
  'a duplicate claim, the forged one last': (kind) =>
    sign({
      header: header(kind),
      payload: JSON.stringify(kind.claims()).replace(/}$/, ',"aud":"https://other.example"}'),
    }),
  'a header that is not JSON': async (kind) =>
    `${btoa('{"alg":').replace(/=+$/, '')}.${base64Url(kind.claims())}.AA`,
  'claims that are not an object': (kind) => sign({ header: header(kind), payload: '[]' }),
  'no claims': (kind) => sign({ header: header(kind), payload: '' }),
  'an additional part': async (kind) => `${await withClaims(kind, {})}.AA`,
  'trailing data': async (kind) => `${await withClaims(kind, {})}=`,
  'white space inside': async (kind) => (await withClaims(kind, {})).replace('.', ' .'),
  'a truncated signature': async (kind) => (await withClaims(kind, {})).slice(0, -4),
  'a signature in a second encoding': async (kind) =>
    // 64 bytes do not use the last four bits of the last character: A, Q, g and w decode like the letter after them.
    (await withClaims(kind, {})).replace(/.$/, (end) => String.fromCharCode(end.charCodeAt(0) + 1)),
  'the parts of a JWE': async (kind) => `${await withClaims(kind, {})}.AA.AA`,
  'the JSON serialization': async (kind) => {
    const [head, payload, signature] = (await withClaims(kind, {})).split('.')
    return JSON.stringify({ protected: head, payload, signature })
  },
  'type and claims of the other kind of token': ({ otherTyp }) =>
    sign({
      header: { typ: otherTyp, alg: 'ES256', kid: key.kid },
      payload: (otherTyp === ACCESS.typ ? ACCESS : ASSERTION).claims(),
    }),
}

const EACH = [
  ...Object.entries(ACCESS_TOKEN_RECEIVERS).map(([receiver, open]) => [receiver, ACCESS, open] as const),
  ...Object.entries(ASSERTION_RECEIVERS).map(([receiver, open]) => [receiver, ASSERTION, open] as const),
]

describe.each(EACH)('%s', (_receiver, kind, open) => {
  it('accepts a token with nothing changed', async () => {
    expect(await open(await withClaims(kind, {}))).toBe(200)
  })

  it.each(Object.entries(ATTACKS))('rejects a token with %s', async (_attack, forge) => {
    expect(await open(await forge(kind))).toBe(401)
  })
})

describe('an encrypted assertion', () => {
  const content = { alg: 'ECDH-ES', enc: 'A256GCM', cty: 'JWT', kid: 'own' }
  const encrypt = async (changes: object, publicKey: CryptoKey | Uint8Array = decryption.publicKey) =>
    new CompactEncrypt(new TextEncoder().encode(await withClaims(ASSERTION, {})))
      .setProtectedHeader({ ...content, ...changes })
      .encrypt(publicKey, { crit: { 'urn:x': true } })

  const BROKEN: Readonly<Record<string, () => Promise<string>>> = {
    'another key': async () => encrypt({}, (await generateKeyPair('ECDH-ES')).publicKey),
    'an unknown key id': () => encrypt({ kid: 'another' }),
    'no key id': () => encrypt({ kid: undefined }),
    'another content encryption': () => encrypt({ enc: 'A128GCM' }),
    'a wrapped key': () => encrypt({ alg: 'ECDH-ES+A256KW' }),
    'a preshared key': () => encrypt({ alg: 'dir' }, new Uint8Array(32)),
    'a key derived from a password': () => encrypt({ alg: 'PBES2-HS256+A128KW' }, new Uint8Array(32)),
    'no content type': () => encrypt({ cty: undefined }),
    'compressed content': () => encrypt({ zip: 'DEF' }),
    'another content type': () => encrypt({ cty: 'JSON' }),
    'a critical extension': () => encrypt({ crit: ['urn:x'], 'urn:x': true }),
    'a change of one bit': async () =>
      (await encrypt({})).replace(/.(?=[^.]*$)/, (c) => (c === 'A' ? 'B' : 'A')),
    'another encryption around it': async () => encrypted(await encrypt({})),
    'an additional part': async () => `${await encrypt({})}.AA`,
    // 16 bytes do not use the last four bits of the last character.
    'a tag in a second encoding': async () =>
      (await encrypt({})).replace(/.$/, (end) => String.fromCharCode(end.charCodeAt(0) + 1)),
  }

  it('accepts a valid encrypted assertion', async () => {
    expect(await verifier.verifyAssertion(await encrypt({}))).toMatchObject({ sub: assertion.sub })
  })

  it.each(Object.entries(BROKEN))('rejects an encrypted assertion with %s', async (_what, forge) => {
    expect(await statusOf(verifier.verifyAssertion(await forge()))).toBe(401)
  })

  it('rejects an encrypted assertion as an access token, and without a key that opens it', async () => {
    const token = await encrypt({})
    expect(await statusOf(verifier.verify(token))).toBe(401)
    const keyless = createVerifier({
      issuer: PUBLIC_URL,
      audience: PUBLIC_URL,
      fetch: (url, init) => worker(new Request(url, init)),
    })
    expect(await statusOf(keyless.verifyAssertion(token))).toBe(401)
  })
})

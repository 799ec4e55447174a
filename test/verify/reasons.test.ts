/** The reason of each rejection, which is for the log: a valid token of each kind is broken in one place at a time. */
import { CompactEncrypt, exportJWK, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'
import { toBase64Url, utf8 } from '../../src/crypto/bytes.ts'
import {
  createVerifier,
  type InvalidTokenReason,
  refusalOf,
  VerificationError,
  type VerifierOptions,
} from '../../src/verify/index.ts'
import { claimsOf } from '../support/claims.ts'

const ISSUER = 'https://auth.example.test'
const NOW = 4_000_000_000
const signer = await generateKeyPair('ES256', { extractable: true })
const stranger = await generateKeyPair('ES256')
const recipient = await generateKeyPair('ECDH-ES', { extractable: true })
const otherRecipient = await generateKeyPair('ECDH-ES')

const OPTIONS: VerifierOptions = {
  issuer: ISSUER,
  audience: ISSUER,
  fetch: async () =>
    Response.json({ keys: [{ ...(await exportJWK(signer.publicKey)), kid: 'key', alg: 'ES256' }] }),
  now: () => NOW * 1000,
}
const verifier = createVerifier({
  ...OPTIONS,
  decryptionKeys: [{ ...(await exportJWK(recipient.privateKey)), kid: 'own' }],
})

const ACCESS_TOKEN_CLAIMS = claimsOf(ISSUER, NOW)
const { auth_time: _time, amr: _amr, client_id: _client, ...ASSERTION_CLAIMS } = ACCESS_TOKEN_CLAIMS

/** Signs any header and any payload, including those that no library signs. */
async function sign(header: object, payload: unknown, key = signer.privateKey): Promise<string> {
  const input = [header, payload].map((part) => toBase64Url(utf8(JSON.stringify(part)))).join('.')
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
  return `${input}.${toBase64Url(new Uint8Array(await crypto.subtle.sign(algorithm, key, utf8(input))))}`
}

function seal(text: string, header: object = {}, key = recipient.publicKey): Promise<string> {
  return new CompactEncrypt(utf8(text))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', cty: 'JWT', kid: 'own', ...header })
    .encrypt(key)
}

interface Kind {
  readonly typ: string
  readonly claims: Readonly<Record<string, unknown>>
  /** Applied to a JWS before it is sent. */
  readonly wrap: (jws: string) => Promise<string>
  readonly verify: (token: string) => Promise<unknown>
}

const KINDS: Readonly<Record<string, Kind>> = {
  'an access token': {
    typ: 'at+jwt',
    claims: ACCESS_TOKEN_CLAIMS,
    wrap: async (jws) => jws,
    verify: (token) => verifier.verifyRequest({ headers: { authorization: `Bearer ${token}` } }),
  },
  'an assertion': {
    typ: 'edge-assertion+jwt',
    claims: ASSERTION_CLAIMS,
    wrap: async (jws) => jws,
    verify: (token) => verifier.verifyAssertion(token),
  },
  'an encrypted assertion': {
    typ: 'edge-assertion+jwt',
    claims: ASSERTION_CLAIMS,
    wrap: (jws) => seal(jws),
    verify: (token) => verifier.verifyAssertion(token),
  },
}

async function rejection(work: Promise<unknown>): Promise<VerificationError> {
  const error = await work.catch((thrown: unknown) => thrown)
  if (!(error instanceof VerificationError)) throw new Error(`not rejected: ${error}`)
  return error
}

/** Claims or header members that differ; `undefined` removes a member. */
interface Broken {
  readonly claims?: object
  readonly header?: object
  readonly key?: CryptoKey
  /** Applied to the signed JWS. */
  readonly cut?: (jws: string) => string
}

/** Changes the signature of a JWS, or the tag of a JWE. */
const flipLastPart = (token: string) =>
  token.replace(/\.([\w-])([\w-]+)$/, (_all, first, rest) => `.${first === 'A' ? 'B' : 'A'}${rest}`)

const BROKEN: readonly (readonly [InvalidTokenReason, string, Broken])[] = [
  ['expired', 'an expiry that is reached', { claims: { exp: NOW } }],
  ['expired', 'an expiry long ago', { claims: { exp: 1 } }],
  ['not_yet_valid', 'a start in the future', { claims: { nbf: NOW + 1 } }],
  ['issuer', 'another issuer', { claims: { iss: 'https://evil.example' } }],
  ['issuer', 'an issuer with a trailing slash', { claims: { iss: `${ISSUER}/` } }],
  ['audience', 'another audience', { claims: { aud: 'https://evil.example' } }],
  ['audience', 'several audiences', { claims: { aud: [ISSUER, 'https://evil.example'] } }],
  ['audience', 'a list of another audience', { claims: { aud: ['https://evil.example'] } }],
  ['signature', 'the signature of another key', { key: stranger.privateKey }],
  ['signature', 'a signature that was changed', { cut: flipLastPart }],
  ['signature', 'a signature that is too short', { cut: (jws) => jws.slice(0, -6) }],
  ['type', 'no type', { header: { typ: undefined } }],
  ['type', 'the type of another JWT', { header: { typ: 'JWT' } }],
  ['algorithm', 'alg none', { header: { alg: 'none' } }],
  ['algorithm', 'alg HS256', { header: { alg: 'HS256' } }],
  ['algorithm', "an algorithm that is not its key's", { header: { alg: 'RS256' } }],
  ['unknown_key', 'no key id', { header: { kid: undefined } }],
  ['unknown_key', 'an unknown key id', { header: { kid: 'other' } }],
  ['unknown_key', 'a key id that is not text', { header: { kid: 5 } }],
  ['malformed', 'no algorithm', { header: { alg: undefined } }],
  ['malformed', 'crit', { header: { crit: ['b64'], b64: true } }],
  ['malformed', 'one part', { cut: () => 'x' }],
  ['malformed', 'no signature', { cut: (jws) => jws.replace(/[\w-]+$/, '') }],
  ['malformed', 'two parts', { cut: (jws) => jws.replace(/\.[\w-]+$/, '') }],
  ['malformed', 'padding', { cut: (jws) => `${jws}=` }],
  ['malformed', 'a header that is not JSON', { cut: (jws) => `AAAA${jws.replace(/^[\w-]+/, '')}` }],
  ['malformed', 'an issuer that is not text', { claims: { iss: 5 } }],
  ['malformed', 'an audience that is not text', { claims: { aud: 5 } }],
  ['malformed', 'audiences that are not texts', { claims: { aud: [5] } }],
  ['malformed', 'an expiry that is not a number', { claims: { exp: String(NOW + 60) } }],
  ['malformed', 'a start that is not a number', { claims: { nbf: String(NOW) } }],
  ['malformed', 'a time of issue that is not a number', { claims: { iat: null } }],
  ['malformed', 'a subject that is not text', { claims: { sub: 5 } }],
  ['malformed', 'a session that is not text', { claims: { sid: ['session'] } }],
  ['malformed', 'an id that is not text', { claims: { jti: 5 } }],
  ['malformed', 'a scope that is not text', { claims: { scope: ['orders:read'] } }],
  ['malformed', 'roles that are not a list', { claims: { roles: 'editor' } }],
  ['malformed', 'roles that are not names', { claims: { roles: [5] } }],
]

/** Two defects at once: the reason that takes precedence, then the other. */
const BROKEN_TWICE: typeof BROKEN = [
  ['signature', 'expired', { key: stranger.privateKey, claims: { exp: 1 } }],
  ['signature', 'type', { key: stranger.privateKey, header: { typ: 'JWT' } }],
  ['signature', 'a missing claim', { key: stranger.privateKey, claims: { sub: undefined } }],
  ['unknown_key', 'signature', { key: stranger.privateKey, header: { kid: 'other' } }],
  ['algorithm', 'unknown_key', { header: { alg: 'none', kid: 'other' } }],
  ['type', 'expired', { header: { typ: 'JWT' }, claims: { exp: 1 } }],
  ['type', 'a missing claim', { header: { typ: 'JWT' }, claims: { sub: undefined } }],
  ['issuer', 'audience', { claims: { iss: 'https://evil.example', aud: 'https://evil.example' } }],
  ['audience', 'expired', { claims: { aud: 'https://evil.example', exp: 1 } }],
  ['not_yet_valid', 'expired', { claims: { nbf: NOW + 1, exp: 1 } }],
]

describe.each(Object.entries(KINDS))('reason to reject %s', (_kind, { typ, claims, wrap, verify }) => {
  async function make({ claims: changed, header, key, cut = (jws: string) => jws }: Broken): Promise<string> {
    const made = await sign({ alg: 'ES256', typ, kid: 'key', ...header }, { ...claims, ...changed }, key)
    return wrap(cut(made))
  }

  it('accepts a valid token without a reason', async () => {
    expect(await verify(await make({}))).toEqual(claims)
  })

  it.each(BROKEN)('gives the reason %s for %s', async (reason, _what, broken) => {
    const { code, reason: given } = await rejection(verify(await make(broken)))
    expect([code, given]).toEqual(['invalid_token', reason])
  })

  it.each(Object.keys(claims))('gives the reason malformed for a missing claim: %s', async (name) => {
    expect((await rejection(verify(await make({ claims: { [name]: undefined } })))).reason).toBe('malformed')
  })

  it.each(BROKEN_TWICE)('gives the reason %s before %s', async (reason, _other, broken) => {
    expect((await rejection(verify(await make(broken)))).reason).toBe(reason)
  })

  it('gives the reason type for a JWT of another kind', async () => {
    for (const other of ['at+jwt', 'edge-assertion+jwt'].filter((each) => each !== typ)) {
      expect((await rejection(verify(await make({ header: { typ: other } })))).reason).toBe('type')
    }
  })

  it('gives the reason malformed for claims that are not an object', async () => {
    for (const payload of [[], 'claims', 5, null]) {
      const token = await wrap(await sign({ alg: 'ES256', typ, kid: 'key' }, payload))
      expect((await rejection(verify(token))).reason).toBe('malformed')
    }
  })

  it('responds the same for every reason, and never includes it', async () => {
    const responses = new Set<string>()
    for (const [, , broken] of BROKEN) {
      const error = await rejection(verify(await make(broken)))
      responses.add(JSON.stringify([refusalOf(error), error.headers, error.message]))
    }
    expect(responses.size).toBe(1)
  })
})

const signed = await sign({ alg: 'ES256', typ: 'edge-assertion+jwt', kid: 'key' }, ASSERTION_CLAIMS)
const sealed = await seal(signed)

describe('reason to reject the encryption of an assertion', () => {
  it.each<[InvalidTokenReason, string, string | Promise<string>]>([
    ['unknown_key', 'no key id', seal(signed, { kid: undefined })],
    ['unknown_key', 'the id of another key', seal(signed, { kid: 'other' })],
    ['algorithm', 'another key agreement algorithm', seal(signed, { alg: 'ECDH-ES+A256KW' })],
    ['algorithm', 'another content encryption', seal(signed, { enc: 'A128GCM' })],
    ['type', 'no content type', seal(signed, { cty: undefined })],
    ['malformed', 'our key id with another key', seal(signed, {}, otherRecipient.publicKey)],
    ['malformed', 'a tag that was changed', flipLastPart(sealed)],
    ['malformed', 'a header that is not JSON', sealed.replace(/^[\w-]+/, 'AAAA')],
    ['malformed', 'no nested JWS', seal('no JWS')],
    ['malformed', 'a nested encrypted assertion', seal(sealed)],
  ])('gives the reason %s for an encrypted assertion with %s', async (reason, _what, token) => {
    expect((await rejection(verifier.verifyAssertion(await token))).reason).toBe(reason)
  })

  it('gives the reason unknown_key if the origin has no decryption key', async () => {
    expect((await rejection(createVerifier(OPTIONS).verifyAssertion(sealed))).reason).toBe('unknown_key')
  })
})

describe('reason to reject text that cannot be a token', () => {
  it.each([
    ['undefined', undefined as unknown as string],
    ['more than 128 KiB', `${'a'.repeat(131_072)}.b.c`],
  ])('gives the reason malformed for %s', async (_what, text) => {
    expect((await rejection(verifier.verify(text))).reason).toBe('malformed')
    expect((await rejection(verifier.verifyAssertion(text))).reason).toBe('malformed')
  })
})

describe('rejection with another code', () => {
  it('gives no reason with a code other than invalid_token', async () => {
    const token = await sign({ alg: 'ES256', typ: 'at+jwt', kid: 'key' }, ACCESS_TOKEN_CLAIMS)
    const request = { headers: { authorization: `Bearer ${token}` } }
    const down = createVerifier({ ...OPTIONS, fetch: () => Promise.reject(new Error('down')) })
    const rejections = [
      await rejection(verifier.verifyRequest({ headers: {} })),
      await rejection(verifier.verifyRequest(request, { roles: ['owner'] })),
      await rejection(down.verify(token)),
    ]
    expect(rejections.map(({ code, reason }) => [code, reason])).toEqual([
      ['missing_token', undefined],
      ['insufficient_scope', undefined],
      ['keys_unavailable', undefined],
    ])
  })
})

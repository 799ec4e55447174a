import { exportJWK, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'
import { parseJwks } from '../../src/verify/jwks.ts'

const jwkOf = async (alg: string, options = {}) =>
  exportJWK((await generateKeyPair(alg, { extractable: true, ...options })).publicKey)
const elliptic = { ...(await jwkOf('ES256')), kid: 'elliptic', alg: 'ES256', use: 'sig' }
const p384 = await jwkOf('ES384')
const rsa = { ...(await jwkOf('RS256')), kid: 'rsa', alg: 'RS256', use: 'sig' }

const idsOf = async (...keys: readonly unknown[]) => [...(await parseJwks(JSON.stringify({ keys }))).keys()]

describe('parseJwks', () => {
  it('returns the signature keys of a key set, each with its single algorithm', async () => {
    const keys = await parseJwks(JSON.stringify({ keys: [elliptic, rsa], more: true }))
    expect([...keys].map(([kid, { alg }]) => [kid, alg])).toEqual([
      ['elliptic', 'ES256'],
      ['rsa', 'RS256'],
    ])
    expect(keys.get('rsa')?.publicKey).toMatchObject({ type: 'public', usages: ['verify'] })
  })

  it.each<[string, object]>([
    ['without an id', { ...elliptic, kid: undefined }],
    ['whose id is not text', { ...elliptic, kid: 5 }],
    ['without an algorithm', { ...elliptic, alg: undefined }],
    ['for another algorithm', { ...elliptic, alg: 'ES384' }],
    ['for no algorithm', { ...elliptic, alg: 'none' }],
    ['for the algorithm of another type', { ...elliptic, alg: 'RS256' }],
    ['for encryption', { ...elliptic, use: 'enc' }],
    ['on another curve', { ...p384, kid: 'x', alg: 'ES256' }],
    ['that is not a point of its curve', { ...elliptic, x: elliptic.y }],
    ['that is symmetric', { kty: 'oct', k: 'AAAA', kid: 'x', alg: 'HS256' }],
    ['whose modulus is short', { ...rsa, n: rsa.n?.slice(0, 300) }],
    ['whose modulus is not text', { ...rsa, n: 5 }],
  ])('skips a key %s', async (_what, key) => {
    expect(await idsOf(key, rsa)).toEqual(['rsa'])
  })

  it('imports only the public part of a private key', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk = { ...(await exportJWK(privateKey)), kid: 'leaked', alg: 'ES256' }
    const key = (await parseJwks(JSON.stringify({ keys: [jwk] }))).get('leaked')
    expect(key?.publicKey).toMatchObject({ type: 'public' })
  })

  it('keeps the first of two keys with one id', async () => {
    const keys = await parseJwks(JSON.stringify({ keys: [elliptic, { ...rsa, kid: 'elliptic' }] }))
    expect(keys.get('elliptic')?.alg).toBe('ES256')
  })

  it('reads only the first hundred keys of a set', async () => {
    const others = Array.from({ length: 100 }, () => ({ ...elliptic, use: 'enc' }))
    expect(await idsOf(...others.slice(1), rsa)).toEqual(['rsa'])
    await expect(idsOf(...others, rsa)).rejects.toThrow()
  })

  it.each(['', 'null', '5', '[]', '{}', '{"keys":{}}', '{"keys":[]}', '{"keys":[null,5,"x"]}', '<html>'])(
    'rejects a key set without usable keys: %j',
    async (text) => {
      await expect(parseJwks(text)).rejects.toThrow()
    },
  )
})

// Uses the packed package on the current runtime: a key set over HTTP, tokens, an encrypted assertion.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createClient } from 'gatehouse-edge/client'
import { createVerifier } from 'gatehouse-edge/verify'
import { CompactEncrypt, exportJWK, generateKeyPair, SignJWT } from 'jose'

const signing = await generateKeyPair('ES256', { extractable: true })
const jwk = { ...(await exportJWK(signing.publicKey)), kid: 'key', alg: 'ES256', use: 'sig' }
const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] })))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`

const now = Math.floor(Date.now() / 1000)
const identity = { iss: issuer, aud: issuer, sub: 'account', iat: now, exp: now + 60, jti: 'x', sid: 'y' }
const claims = { ...identity, scope: 'orders:read', roles: [] }
const sign = (payload, typ) =>
  new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ, kid: 'key' }).sign(signing.privateKey)
const token = await sign({ ...claims, auth_time: now, amr: ['pwd'], client_id: 'gatehouse' }, 'at+jwt')
const assertion = await sign(claims, 'edge-assertion+jwt')

for (const alg of ['RSA-OAEP-256', 'ECDH-ES']) {
  const pair = await generateKeyPair(alg, { extractable: true })
  const decryptionKeys = [{ ...(await exportJWK(pair.privateKey)), kid: 'own' }]
  const verifier = createVerifier({ issuer, audience: issuer, decryptionKeys })
  const encrypted = await new CompactEncrypt(new TextEncoder().encode(assertion))
    .setProtectedHeader({ alg, enc: 'A256GCM', cty: 'JWT', kid: 'own' })
    .encrypt(pair.publicKey)
  assert.equal((await verifier.verifyAssertion(encrypted)).sub, 'account')
  assert.equal((await verifier.verify(token)).sub, 'account')
  const headers = new Headers({ Authorization: `Bearer ${token}` })
  assert.equal((await verifier.verifyRequest({ headers }, { scope: ['orders:read'] })).sub, 'account')
  for (const invalid of [assertion, `${token}A`, token.slice(1), '']) {
    await assert.rejects(verifier.verify(invalid), { code: 'invalid_token' })
  }
}
server.close()
// Apps that render pages on a server import the browser SDK there.
assert.equal(typeof createClient, 'function')
console.log('gatehouse-edge works here')
process.exit(0)

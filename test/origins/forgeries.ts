/** Tokens that every verifier must reject: those forged without the keys of the service, and those of another kind. */

import { CompactSign, type CryptoKey, exportSPKI, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Tokens } from '../support/responses.ts'
import type { Service } from './service.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())

export async function forgeriesOf(service: Service, tokens: Tokens): Promise<readonly string[]> {
  const [head = '', payload = '', signature = ''] = tokens.access_token.split('.')
  const header = decode(head)
  const claims = { ...decode(payload), roles: ['admin'] }
  const sign = (changes: object, key: CryptoKey | Uint8Array) =>
    new CompactSign(bytes(JSON.stringify(claims))).setProtectedHeader({ ...header, ...changes }).sign(key)
  const stranger = (await generateKeyPair('ES256')).privateKey
  return [
    `${head}.${encode(claims)}.${signature}`,
    `${encode({ ...header, alg: 'none' })}.${payload}.`,
    `${head}.${payload}.${signature.slice(0, -4)}`,
    await sign({}, stranger),
    await sign({ kid: 'unknown' }, stranger),
    await sign({ alg: 'HS256' }, bytes(await publicPem(service, header.kid))),
    tokens.refresh_token,
    await service.assertionFor(tokens.access_token),
  ]
}

async function publicPem({ url }: Service, kid: string): Promise<string> {
  const { keys } = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: JWK[] }
  const key = keys.find((each) => each.kid === kid) ?? {}
  return exportSPKI((await importJWK(key, 'ES256', { extractable: true })) as CryptoKey)
}

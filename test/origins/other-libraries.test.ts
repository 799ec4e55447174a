/** What others wrote, unmodified, against the running service. */
import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import fastify, { type FastifyRequest } from 'fastify'
import buildGetJwks from 'get-jwks'
import jwt from 'jsonwebtoken'
import jwksClient from 'jwks-rsa'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgeriesOf } from './forgeries.ts'
import { closeAll, listen } from './listening.ts'
import { Service, type Tokens } from './service.ts'

let service: Service
let person: Tokens
beforeAll(async () => {
  service = await Service.start()
  person = await service.register('ada')
})
afterAll(async () => {
  closeAll()
  await service.stop()
  service.remove()
})

const jwksUrl = () => `${service.url}/.well-known/jwks.json`

/** What each makes of a token: the account's id, or null. */
const LIBRARIES: Readonly<Record<string, () => Promise<(token: string) => Promise<string | null>>>> = {
  'express-oauth2-jwt-bearer': async () => {
    const app = express()
    const issuer = service.url
    // Strict: the type of RFC 9068 and its claims.
    app.use(auth({ issuer, jwksUri: jwksUrl(), audience: issuer, tokenSigningAlg: 'ES256', strict: true }))
    app.get('/', (request, response) => {
      response.send((request as unknown as { auth: { payload: { sub: string } } }).auth.payload.sub)
    })
    return ask(await listen(app))
  },
  'jsonwebtoken with jwks-rsa': async () => {
    const keys = jwksClient({ jwksUri: jwksUrl(), cache: true, rateLimit: true })
    return (token) =>
      new Promise((resolve) => {
        jwt.verify(
          token,
          ({ kid }, done) => keys.getSigningKey(kid, (fault, key) => done(fault, key?.getPublicKey())),
          { algorithms: ['ES256'], issuer: service.url, audience: service.url, complete: true },
          (fault, verified) => {
            const isAccessToken = fault === null && verified?.header.typ === 'at+jwt'
            resolve(isAccessToken ? String(verified?.payload.sub) : null)
          },
        )
      })
  },
  '@fastify/jwt with get-jwks': async () => {
    const app = fastify()
    const keys = buildGetJwks({ issuersWhitelist: [service.url] })
    app.register(fastifyJwt, {
      decode: { complete: true },
      verify: { algorithms: ['ES256'], allowedIss: service.url, allowedAud: service.url, checkTyp: 'at+jwt' },
      secret: async (_request: FastifyRequest, token: TokenOrHeader) => {
        const { kid, alg } = 'header' in token ? token.header : token
        return keys.getPublicKey({ kid, alg, domain: service.url })
      },
    })
    app.get('/', { onRequest: (request) => request.jwtVerify() }, async (request) => {
      return (request.user as { sub: string }).sub
    })
    await app.ready()
    return ask(await listen(app.routing))
  },
}

const ask = (url: string) => async (token: string) => {
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
  return answer.status === 200 ? answer.text() : null
}

describe.each(Object.entries(LIBRARIES))('%s', (_name, start) => {
  it('takes a token of the service, and one of the next key, and nothing that was changed', async () => {
    const open = await start()
    person = await service.logIn('ada')
    expect(await open(person.access_token)).toBe(person.user.id)
    for (const forged of await forgeriesOf(service, person)) {
      expect(await open(forged)).toBeNull()
    }
    await service.rotateAway(person.access_token)
    expect(await open((await service.logIn('ada')).access_token)).toBe(person.user.id)
  })
})

describe('oauth4webapi', () => {
  const client = async () => {
    const answer = await service.admin('POST', '/admin/clients', { client_name: 'orders' })
    return (await answer.json()) as { client_id: string; client_secret: string }
  }
  const server = (): oauth.AuthorizationServer => ({
    issuer: service.url,
    introspection_endpoint: `${service.url}/oauth2/introspect`,
    revocation_endpoint: `${service.url}/oauth2/revoke`,
    jwks_uri: jwksUrl(),
  })
  const options = { [oauth.allowInsecureRequests]: true }

  it('introspects a token, revokes it, and sees that it is not active any more', async () => {
    const { client_id, client_secret } = await client()
    const { access_token, user } = await service.logIn('ada')
    const introspect = async () => {
      const proof = oauth.ClientSecretBasic(client_secret)
      const answer = await oauth.introspectionRequest(server(), { client_id }, proof, access_token, options)
      return oauth.processIntrospectionResponse(server(), { client_id }, answer)
    }
    expect(await introspect()).toMatchObject({ active: true, sub: user.id, token_type: 'Bearer' })
    const own = { client_id: 'gatehouse' }
    const revoked = await oauth.revocationRequest(server(), own, oauth.None(), access_token, options)
    await oauth.processRevocationResponse(revoked)
    expect(await introspect()).toEqual({ active: false })
  })

  it('takes its access tokens for those of RFC 9068', async () => {
    const { access_token, user } = await service.logIn('ada')
    const request = new Request(`${service.url}/orders`, {
      headers: { Authorization: `Bearer ${access_token}` },
    })
    const claims = await oauth.validateJwtAccessToken(server(), request, service.url, {
      ...options,
      signingAlgorithms: ['ES256'],
    })
    expect(claims.sub).toBe(user.id)
  })
})

/** Libraries of other authors, unmodified, with the running service. */

import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import fastify, { type FastifyRequest } from 'fastify'
import buildGetJwks from 'get-jwks'
import jwt from 'jsonwebtoken'
import jwksClient from 'jwks-rsa'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RegisteredClient, Tokens } from '../support/responses.ts'
import { forgeriesOf } from './forgeries.ts'
import { closeAll, listen } from './listening.ts'
import { Service } from './service.ts'

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

/** Each returns the account id of a valid token, or null. */
const LIBRARIES: Readonly<Record<string, () => Promise<(token: string) => Promise<string | null>>>> = {
  'express-oauth2-jwt-bearer': async () => {
    const app = express()
    const issuer = service.url
    // `strict` requires the type and the claims of RFC 9068.
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
          ({ kid }, done) => keys.getSigningKey(kid, (error, key) => done(error, key?.getPublicKey())),
          { algorithms: ['ES256'], issuer: service.url, audience: service.url, complete: true },
          (error, verified) => {
            const isAccessToken = error === null && verified?.header.typ === 'at+jwt'
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
  const response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
  return response.status === 200 ? response.text() : null
}

describe.each(Object.entries(LIBRARIES))('%s', (_name, start) => {
  it('accepts a token of the service and one of its next key, and rejects forged tokens', async () => {
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
    const response = await service.admin('POST', '/admin/clients', { client_name: 'orders' })
    return (await response.json()) as RegisteredClient
  }
  const server = (): oauth.AuthorizationServer => ({
    issuer: service.url,
    introspection_endpoint: `${service.url}/oauth2/introspect`,
    revocation_endpoint: `${service.url}/oauth2/revoke`,
    jwks_uri: jwksUrl(),
  })
  const options = { [oauth.allowInsecureRequests]: true }

  it('introspects a token as active, and as inactive after revocation', async () => {
    const { client_id, client_secret } = await client()
    const { access_token, user } = await service.logIn('ada')
    const introspect = async () => {
      const proof = oauth.ClientSecretBasic(client_secret)
      const response = await oauth.introspectionRequest(server(), { client_id }, proof, access_token, options)
      return oauth.processIntrospectionResponse(server(), { client_id }, response)
    }
    expect(await introspect()).toMatchObject({ active: true, sub: user.id, token_type: 'Bearer' })
    const own = { client_id: 'gatehouse' }
    const revoked = await oauth.revocationRequest(server(), own, oauth.None(), access_token, options)
    await oauth.processRevocationResponse(revoked)
    expect(await introspect()).toEqual({ active: false })
  })

  it('validates an access token as RFC 9068', async () => {
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

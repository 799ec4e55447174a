/** Introspection (RFC 7662) and revocation (RFC 7009). */
import { createRoute, z } from '@hono/zod-openapi'
import { authenticateClient } from '../../actions/oauth/authenticate-client.ts'
import { introspect } from '../../actions/oauth/introspect.ts'
import { revoke } from '../../actions/oauth/revoke.ts'
import { OAuthError } from '../../errors/service-error.ts'
import type { AppContext } from '../../http/context.ts'
import { type FormCredentials, readClientCredentials } from '../../http/credentials.ts'
import { formBody } from '../../http/middleware/form-body.ts'
import { requesterOf } from '../../http/requester.ts'
import { createRouter, jsonResponse } from '../../http/route.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'

/** Unknown parameters are ignored (RFC 6749 section 3.2); `token_type_hint` is none that is needed. */
const tokenForm = z
  .object({
    token: z.string(),
    token_type_hint: z.string().optional(),
    client_id: z.string().optional(),
    client_secret: z.string().optional(),
  })
  .openapi('TokenForm')

const oauthError = {
  description: 'An error (RFC 6749 section 5.2).',
  content: {
    'application/json': {
      schema: z.object({ error: z.string(), error_description: z.string() }).openapi('OAuthError'),
    },
  },
}

const introspection = z
  .object({ active: z.boolean() })
  .openapi('Introspection', { description: 'What RFC 7662 section 2.2 names, and the claims of the token.' })

const shared = {
  method: 'post',
  middleware: formBody,
  request: {
    body: { required: true, content: { 'application/x-www-form-urlencoded': { schema: tokenForm } } },
  },
} as const

const introspectRoute = createRoute({
  ...shared,
  path: '/oauth2/introspect',
  summary: 'Say what is true of an access token now',
  security: [{ basic: [] }, {}],
  responses: {
    200: jsonResponse('Whether it is valid, and what it says', introspection),
    default: oauthError,
  },
})

const revokeRoute = createRoute({
  ...shared,
  path: '/oauth2/revoke',
  summary: 'End the session of an access or refresh token',
  security: [{ basic: [] }, {}],
  responses: { 200: { description: 'It has ended, or there was none' }, default: oauthError },
})

export function oauthRoutes() {
  const router = createRouter()

  router.openapi(introspectRoute, async (c) => {
    const form = c.req.valid('form')
    const client = await clientOfRequest(c, form)
    // RFC 7662 section 2.1: who does not authenticate could try tokens out.
    if (!client.confidential) throw new OAuthError('invalid_client')
    const claims = await introspect(c.get('services'), client, form.token)
    c.set('accountId', claims?.sub)
    return c.json(toIntrospection(claims), 200)
  })

  router.openapi(revokeRoute, async (c) => {
    const form = c.req.valid('form')
    const client = await clientOfRequest(c, form)
    c.set('accountId', (await revoke(c.get('services'), client, form.token)) ?? undefined)
    return c.body(null, 200)
  })

  return router
}

async function clientOfRequest(c: AppContext, form: FormCredentials) {
  const credentials = readClientCredentials(c.req.header('Authorization'), form)
  const client = await authenticateClient(c.get('services'), credentials, requesterOf(c))
  c.set('clientId', client.clientId)
  return client
}

/** RFC 7662 section 2.2: of what is not valid nothing else is said. No claim that an operator gave stands in for these. */
function toIntrospection(claims: AccessTokenClaims | null): z.infer<typeof introspection> {
  if (claims === null) return { active: false }
  const { preferred_username: username } = claims
  return { ...claims, ...{ active: true, token_type: 'Bearer', username } }
}

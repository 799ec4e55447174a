/** Introspection (RFC 7662) and revocation (RFC 7009). */
import { createRoute, z } from '@hono/zod-openapi'
import { authenticateClient } from '../../actions/oauth/authenticate-client.ts'
import { introspect, revoke } from '../../actions/oauth/tokens.ts'
import { OAuthError } from '../../errors/service-error.ts'
import type { AppContext } from '../../http/context.ts'
import { type FormCredentials, readClientCredentials } from '../../http/credentials.ts'
import { formBody } from '../../http/middleware/bodies.ts'
import { setActor } from '../../http/middleware/provide-context.ts'
import { createRouter, jsonResponse } from '../../http/route.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'

/** Unknown parameters are ignored (RFC 6749 section 3.2); `token_type_hint` is not needed. */
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

const introspection = z.object({ active: z.boolean() }).openapi('Introspection', {
  description: 'The members of RFC 7662 section 2.2 and the claims of the token.',
})

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
  summary: 'Get the current state of an access token',
  security: [{ basic: [] }, {}],
  responses: {
    200: jsonResponse('Whether the token is active, and its claims', introspection),
    default: oauthError,
  },
})

const revokeRoute = createRoute({
  ...shared,
  path: '/oauth2/revoke',
  summary: 'End the session of an access or refresh token',
  security: [{ basic: [] }, {}],
  responses: { 200: { description: 'The session has ended, or the token had none' }, default: oauthError },
})

export function oauthRoutes() {
  const router = createRouter()

  router.openapi(introspectRoute, async (c) => {
    const form = c.req.valid('form')
    const client = await clientOfRequest(c, form)
    // RFC 7662 section 2.1: without authentication, anyone could test guessed tokens.
    if (!client.confidential) throw new OAuthError('invalid_client')
    const claims = await introspect(c.get('ctx'), client, form.token)
    return c.json(toIntrospection(claims), 200)
  })

  router.openapi(revokeRoute, async (c) => {
    const form = c.req.valid('form')
    const client = await clientOfRequest(c, form)
    await revoke(c.get('ctx'), client, form.token)
    return c.body(null, 200)
  })

  return router
}

async function clientOfRequest(c: AppContext, form: FormCredentials) {
  const credentials = readClientCredentials(c.req.header('Authorization'), form)
  const client = await authenticateClient(c.get('ctx'), credentials)
  setActor(c, { kind: 'client', clientId: client.clientId })
  c.get('ctx').addToRequestLog({ clientId: client.clientId })
  return client
}

/** RFC 7662 section 2.2: an inactive token has no other members. A claim set by an operator cannot replace those set here. */
function toIntrospection(claims: AccessTokenClaims | null): z.infer<typeof introspection> {
  if (claims === null) return { active: false }
  const { preferred_username: username } = claims
  return { ...claims, ...{ active: true, token_type: 'Bearer', username } }
}

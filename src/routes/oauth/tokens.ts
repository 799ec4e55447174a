/** Introspection (RFC 7662) and revocation (RFC 7009). */
import * as z from 'zod/mini'
import { authenticateClient } from '../../actions/oauth/authenticate-client.ts'
import { introspect, revoke } from '../../actions/oauth/tokens.ts'
import { OAuthError } from '../../errors/service-error.ts'
import type { AppContext } from '../../http/context.ts'
import { type FormCredentials, readClientCredentials } from '../../http/credentials.ts'
import { formBody } from '../../http/middleware/bodies.ts'
import { setActor } from '../../http/middleware/provide-context.ts'
import { type Route, route } from '../../http/route.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import type { Body } from '../responses.ts'

/** Unknown parameters are ignored (RFC 6749 section 3.2); `token_type_hint` is not needed. */
const tokenForm = z
  .object({
    token: z.string(),
    token_type_hint: z.optional(z.string()),
    client_id: z.optional(z.string()),
    client_secret: z.optional(z.string()),
  })
  .register(z.globalRegistry, {
    id: 'TokenForm',
    example: { token: 'AQx4…', client_id: 'gatehouse' },
  })

const CLIENT_ERRORS = ['invalid_client', 'client_ip_unknown', 'too_many_client_failures'] as const

const shared = {
  method: 'post',
  tag: 'Tokens',
  security: [{ basic: [] }, {}],
  middleware: [formBody],
  request: { form: tokenForm },
} as const

const introspection = route(
  {
    ...shared,
    path: '/oauth2/introspect',
    operationId: 'introspectToken',
    summary: 'Get the current state of an access token',
    responses: {
      200: { description: 'Whether the token is active, and its claims', schema: 'Introspection' },
    },
    errors: CLIENT_ERRORS,
  },
  async (c, { form }) => {
    const client = await clientOfRequest(c, form)
    // RFC 7662 section 2.1: without authentication, anyone could test guessed tokens.
    if (!client.confidential) throw new OAuthError('invalid_client')
    return c.json(toIntrospection(await introspect(c.get('ctx'), client, form.token)))
  },
)

const revocation = route(
  {
    ...shared,
    path: '/oauth2/revoke',
    operationId: 'revokeToken',
    summary: 'End the session of an access or refresh token',
    responses: { 200: { description: 'The session has ended, or the token had none' } },
    errors: [...CLIENT_ERRORS, 'invalid_grant'],
  },
  async (c, { form }) => {
    const client = await clientOfRequest(c, form)
    await revoke(c.get('ctx'), client, form.token)
    return c.body(null, 200)
  },
)

export const OAUTH_ROUTES: readonly Route[] = [introspection, revocation]

async function clientOfRequest(c: AppContext, form: FormCredentials) {
  const credentials = readClientCredentials(c.req.header('Authorization'), form)
  const client = await authenticateClient(c.get('ctx'), credentials)
  setActor(c, { kind: 'client', clientId: client.clientId })
  c.get('ctx').addToRequestLog({ clientId: client.clientId })
  return client
}

/** RFC 7662 section 2.2: an inactive token has no other members. A claim set by an operator cannot replace those set here. */
function toIntrospection(claims: AccessTokenClaims | null): Body<'Introspection'> {
  if (claims === null) return { active: false }
  const { preferred_username: username } = claims
  return { ...claims, ...{ active: true, token_type: 'Bearer', username } }
}

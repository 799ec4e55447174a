/** Registered clients: origins that authenticate themselves, or for which assertions are encrypted. */
import type { JWK } from 'jose'
import * as z from 'zod/mini'
import { getClients, registerClient, removeClient } from '../../actions/admin/manage-clients.ts'
import type { Client } from '../../clients/client-store.ts'
import { isId } from '../../crypto/ids.ts'
import type { AppContext } from '../../http/context.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { adminAndJsonBody } from '../../http/middleware/bodies.ts'
import { ADMIN_ERRORS, BEARER, type Route, route } from '../../http/route.ts'
import { hasControlCharacter, toDateTime } from '../../runtime/text.ts'
import type { Body } from '../responses.ts'

const MAX_NAME_LENGTH = 100
const MAX_AUDIENCE_LENGTH = 128

const isWellFormed = z.refine<string>((value) => value.isWellFormed(), 'Must be well-formed Unicode.')

const clientName = z.string({ error: 'Must be a string.' }).check(
  z.refine(
    (name) => name.trim() !== '' && name.length <= MAX_NAME_LENGTH && !hasControlCharacter(name),
    `Must have 1 to ${MAX_NAME_LENGTH} characters that can be seen.`,
  ),
  isWellFormed,
)

const audience = z.string({ error: 'Must be a string.' }).check(
  z.refine(
    (text) => text !== '' && [...text].length <= MAX_AUDIENCE_LENGTH && !hasControlCharacter(text),
    `Must have 1 to ${MAX_AUDIENCE_LENGTH} characters, none of them a control character.`,
  ),
  isWellFormed,
)

const jwk = z
  .looseObject({ kty: z.string({ error: 'Must be a string.' }) }, 'Must be a JWK.')
  .register(z.globalRegistry, { description: 'RFC 7517' })

/** Members are named as in RFC 7591 section 2. */
const newClient = z
  .strictObject({
    client_name: z.optional(clientName),
    jwks: z
      .optional(
        z.strictObject(
          { keys: z.array(jwk, 'Must be a list.').check(z.length(1, 'Must be one key.')) },
          'Must be a key set.',
        ),
      )
      .register(z.globalRegistry, {
        description:
          'One public key for RSA-OAEP-256 or ECDH-ES. Assertions to the client are encrypted for it.',
      }),
    audience: z.optional(audience).register(z.globalRegistry, {
      description:
        'The audience of the access tokens that the client may introspect, in addition to those issued to itself. Default: that of the service.',
    }),
  })
  .register(z.globalRegistry, {
    id: 'NewClient',
    example: { client_name: 'Orders', audience: 'https://orders.example.com' },
  })

const shared = { tag: 'Administration', security: BEARER } as const

const register = route(
  {
    ...shared,
    method: 'post',
    path: '/admin/clients',
    operationId: 'registerClient',
    summary: 'Register a client',
    middleware: adminAndJsonBody,
    request: { json: newClient },
    responses: { 201: { description: 'The client, with its secret', schema: 'RegisteredClient' } },
    errors: ADMIN_ERRORS,
  },
  async (c, { json }) => {
    c.get('ctx').addToRequestLog({ fields: Object.keys(json) })
    const { client_name = null, jwks, audience = null } = json
    const [key = null] = jwks?.keys ?? []
    const request = { clientName: client_name, encryptionJwk: key as JWK | null, audience }
    const { client, secret } = await registerClient(c.get('ctx'), request)
    c.get('ctx').addToRequestLog({ clientId: client.clientId })
    return c.json({ ...toClientResponse(c, client), client_secret: secret }, 201)
  },
)

const list = route(
  {
    ...shared,
    method: 'get',
    path: '/admin/clients',
    operationId: 'listClients',
    summary: 'Get the clients',
    middleware: [requireAdmin],
    responses: { 200: { description: 'The clients', schema: 'Clients' } },
    errors: ADMIN_ERRORS,
  },
  async (c) => {
    const clients = await getClients(c.get('ctx'))
    return c.json({ clients: clients.map((client) => toClientResponse(c, client)) })
  },
)

const remove = route(
  {
    ...shared,
    method: 'delete',
    path: '/admin/clients/{client_id}',
    operationId: 'removeClient',
    summary: 'Remove a client',
    middleware: [requireAdmin],
    request: { params: z.object({ client_id: z.string() }) },
    responses: {
      204: { description: 'Removed, everywhere within 30 seconds (10 minutes while D1 is unavailable)' },
    },
    errors: [...ADMIN_ERRORS, 'not_found'],
  },
  async (c, { params: { client_id } }) => {
    if (isId(client_id)) c.get('ctx').addToRequestLog({ clientId: client_id })
    await removeClient(c.get('ctx'), client_id)
    return c.body(null, 204)
  },
)

export const CLIENT_ROUTES: readonly Route[] = [register, list, remove]

function toClientResponse(
  c: AppContext,
  { clientId, clientName, encryptionJwk, audience, createdAt }: Client,
): Body<'Client'> {
  return {
    client_id: clientId,
    client_name: clientName,
    jwks: { keys: encryptionJwk === null ? [] : [encryptionJwk as Body<'Client'>['jwks']['keys'][number]] },
    audience: audience ?? c.get('ctx').services.config.tokens.audience,
    created_at: toDateTime(createdAt * 1000),
  }
}

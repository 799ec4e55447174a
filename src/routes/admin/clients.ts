/** Registered clients: origins that authenticate themselves, or for which assertions are encrypted. */
import { createRoute, z } from '@hono/zod-openapi'
import type { JWK } from 'jose'
import { getClients, registerClient, removeClient } from '../../actions/admin/manage-clients.ts'
import type { Client } from '../../clients/client-store.ts'
import { isId } from '../../crypto/ids.ts'
import type { AppContext } from '../../http/context.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { adminAndJsonBody } from '../../http/middleware/bodies.ts'
import { toDateTime } from '../../http/representations.ts'
import { BEARER, createRouter, jsonRequest, jsonResponse, problem } from '../../http/route.ts'
import { hasControlCharacter } from '../../runtime/text.ts'
import { dateTime, uuid } from '../representations.ts'

const MAX_NAME_LENGTH = 100
const MAX_AUDIENCE_LENGTH = 128

const clientName = z
  .string({ error: 'Must be a string.' })
  .refine(
    (name) => name.trim() !== '' && name.length <= MAX_NAME_LENGTH && !hasControlCharacter(name),
    `Must have 1 to ${MAX_NAME_LENGTH} characters that can be seen.`,
  )
  .refine((name) => name.isWellFormed(), 'Must be well-formed Unicode.')

const audience = z
  .string({ error: 'Must be a string.' })
  .refine(
    (text) => text !== '' && [...text].length <= MAX_AUDIENCE_LENGTH && !hasControlCharacter(text),
    `Must have 1 to ${MAX_AUDIENCE_LENGTH} characters, none of them a control character.`,
  )
  .refine((text) => text.isWellFormed(), 'Must be well-formed Unicode.')

const jwk = z
  .looseObject({ kty: z.string({ error: 'Must be a string.' }) }, 'Must be a JWK.')
  .openapi('Jwk', { description: 'RFC 7517' })

/** Members are named as in RFC 7591 section 2. */
const newClient = z
  .strictObject({
    client_name: clientName.optional(),
    jwks: z
      .strictObject(
        { keys: z.array(jwk, 'Must be a list.').length(1, 'Must be one key.') },
        'Must be a key set.',
      )
      .optional()
      .openapi({
        description:
          'One public key for RSA-OAEP-256 or ECDH-ES. Assertions to the client are encrypted for it.',
      }),
    audience: audience.optional().openapi({
      description:
        'The audience of the access tokens that the client may introspect, in addition to those issued to itself. Default: that of the service.',
    }),
  })
  .openapi('NewClient')

const clientResponse = z
  .object({
    client_id: uuid,
    client_name: z.string().nullable(),
    jwks: z.object({ keys: z.array(jwk) }),
    audience: z.string(),
    created_at: dateTime,
  })
  .openapi('Client')

const registeredClientResponse = clientResponse
  .extend({ client_secret: z.string().openapi({ description: 'Shown only in this response.' }) })
  .openapi('RegisteredClient')

const registerRoute = createRoute({
  method: 'post',
  path: '/admin/clients',
  summary: 'Register a client',
  security: BEARER,
  middleware: adminAndJsonBody,
  request: { body: jsonRequest(newClient) },
  responses: { 201: jsonResponse('The client, with its secret', registeredClientResponse), default: problem },
})

const getRoute = createRoute({
  method: 'get',
  path: '/admin/clients',
  summary: 'Get the clients',
  security: BEARER,
  middleware: [requireAdmin],
  responses: {
    200: jsonResponse('The clients', z.object({ clients: z.array(clientResponse) }).openapi('Clients')),
    default: problem,
  },
})

const removeRoute = createRoute({
  method: 'delete',
  path: '/admin/clients/{client_id}',
  summary: 'Remove a client',
  security: BEARER,
  middleware: [requireAdmin],
  request: { params: z.object({ client_id: z.string().openapi({ format: 'uuid' }) }) },
  responses: {
    204: { description: 'Removed, everywhere within 30 seconds (10 minutes while D1 is unavailable)' },
    default: problem,
  },
})

export function clientsRoutes() {
  const router = createRouter()

  router.openapi(registerRoute, async (c) => {
    const body = c.req.valid('json')
    c.get('ctx').addToRequestLog({ fields: Object.keys(body) })
    const { client_name = null, jwks, audience = null } = body
    const [key = null] = jwks?.keys ?? []
    const request = { clientName: client_name, encryptionJwk: key as JWK | null, audience }
    const { client, secret } = await registerClient(c.get('ctx'), request)
    c.get('ctx').addToRequestLog({ clientId: client.clientId })
    return c.json({ ...toClientResponse(c, client), client_secret: secret }, 201)
  })

  router.openapi(getRoute, async (c) => {
    const clients = await getClients(c.get('ctx'))
    return c.json({ clients: clients.map((client) => toClientResponse(c, client)) }, 200)
  })

  router.openapi(removeRoute, async (c) => {
    const { client_id } = c.req.valid('param')
    if (isId(client_id)) c.get('ctx').addToRequestLog({ clientId: client_id })
    await removeClient(c.get('ctx'), client_id)
    return c.body(null, 204)
  })

  return router
}

function toClientResponse(
  c: AppContext,
  { clientId, clientName, encryptionJwk, audience, createdAt }: Client,
): z.infer<typeof clientResponse> {
  return {
    client_id: clientId,
    client_name: clientName,
    jwks: { keys: encryptionJwk === null ? [] : [encryptionJwk as z.infer<typeof jwk>] },
    audience: audience ?? c.get('ctx').services.config.tokens.audience,
    created_at: toDateTime(createdAt * 1000),
  }
}

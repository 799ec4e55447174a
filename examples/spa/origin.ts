/** An origin behind the gateway. It trusts only the gateway's assertion, and nothing else in a request that names a user. */
import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import { type AssertionClaims, createVerifier, VerificationError } from 'gatehouse-edge/verify'

interface Result {
  readonly status: number
  readonly body: object
}

type Handler = (claims: AssertionClaims, headers: IncomingHttpHeaders) => object

const HANDLERS: Readonly<Record<string, Handler>> = {
  '/whoami': ({ sub, sid, roles, scope }) => ({
    user: sub,
    session: sid,
    roles,
    scope,
    time: new Date().toISOString(),
  }),
  '/headers': (_, headers) =>
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, withoutSignatures(String(value))]),
    ),
}

/**
 * @param issuer the service's PUBLIC_URL
 * @param audience the audience of the gateway route: this origin
 */
export function serveOrigin({ issuer, audience }: { issuer: string; audience: string }): RequestListener {
  const verifier = createVerifier({ issuer, audience })
  return async (request, response) => {
    const { status, body } = await handle(request.url ?? '', request.headers).catch(toErrorResult)
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  }

  async function handle(path: string, headers: IncomingHttpHeaders): Promise<Result> {
    const claims = await verifier.verifyAssertion(String(headers['x-auth-assertion'] ?? ''))
    const handler = HANDLERS[path]
    if (handler === undefined) return { status: 404, body: { code: 'not_found' } }
    return { status: 200, body: handler(claims, headers) }
  }
}

function toErrorResult(error: unknown): Result {
  if (error instanceof VerificationError) return { status: error.status, body: { code: error.code } }
  console.error(error)
  return { status: 500, body: { code: 'internal' } }
}

/** Removes the signatures of tokens, so that they can be shown but not used. */
function withoutSignatures(text: string): string {
  return text.replace(/(ey[\w-]+\.ey[\w-]+)\.[\w-]+/g, '$1.(signature)')
}

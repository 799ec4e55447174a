/** An origin behind the gateway: it believes the gateway's assertion alone, and nothing else that a request says of its user. */
import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import { type AssertionClaims, createVerifier, VerificationError } from 'gatehouse-edge/verify'

interface Answer {
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
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, unsigned(String(value))])),
}

/**
 * @param issuer the service's PUBLIC_URL
 * @param audience of the gateway's route: this origin
 */
export function serveOrigin({ issuer, audience }: { issuer: string; audience: string }): RequestListener {
  const verifier = createVerifier({ issuer, audience })
  return async (request, response) => {
    const { status, body } = await answerTo(request.url ?? '', request.headers).catch(refusal)
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  }

  async function answerTo(path: string, headers: IncomingHttpHeaders): Promise<Answer> {
    const claims = await verifier.verifyAssertion(String(headers['x-auth-assertion'] ?? ''))
    const handle = HANDLERS[path]
    if (handle === undefined) return { status: 404, body: { code: 'not_found' } }
    return { status: 200, body: handle(claims, headers) }
  }
}

function refusal(fault: unknown): Answer {
  if (fault instanceof VerificationError) return { status: fault.status, body: { code: fault.code } }
  console.error(fault)
  return { status: 500, body: { code: 'internal' } }
}

/** Tokens without their signatures: good to read, and for nothing else. */
function unsigned(text: string): string {
  return text.replace(/(ey[\w-]+\.ey[\w-]+)\.[\w-]+/g, '$1.(signature)')
}

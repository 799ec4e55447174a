/**
 * The fair floor: a Hono Worker with Gatehouse's bindings that does only what a call cannot avoid. It responds with the status,
 * the headers and the body of a recorded response of Gatehouse.
 */
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'
import { type CryptoKey, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose'
import type { SampleResponse, Samples } from '../worker-types.ts'

interface Env {
  readonly ACCOUNT: DurableObjectNamespace<AccountObject>
  readonly COUNTER: DurableObjectNamespace<AttemptCounter>
  readonly ORIGIN: Fetcher
}

interface Stored {
  readonly text: string
  readonly generation: number
}

class StoredRecord extends DurableObject {
  read(): Stored | undefined {
    return this.ctx.storage.kv.get<Stored>('record')
  }

  write(text: string): void {
    this.ctx.storage.kv.put('record', { text, generation: 0 })
  }

  /** @returns the new generation */
  rotate(): number {
    const { text, generation } = this.read() ?? { text: '', generation: 0 }
    this.ctx.storage.kv.put('record', { text, generation: generation + 1 })
    return generation + 1
  }
}

export class AccountObject extends StoredRecord {}
export class AttemptCounter extends StoredRecord {}

const ALG = 'ES256'
const PUBLIC_URL = 'https://auth.example.com'
const PINNED = { algorithms: [ALG], typ: 'at+jwt', issuer: PUBLIC_URL, audience: PUBLIC_URL }

interface Prepared extends Omit<Samples, 'verificationKey'> {
  readonly verificationKey: CryptoKey
  readonly signingKey: CryptoKey
}

let prepared: Prepared | null = null

function samples(): Prepared {
  if (prepared === null) throw new Error('the samples are missing')
  return prepared
}

function respond({ status, headers, body }: SampleResponse): Response {
  // A body of no characters would have a type.
  return new Response(body === '' ? null : body, { status, headers })
}

const app = new Hono<{ Bindings: Env }>()

app.put('/samples', async (c) => {
  const sent = await c.req.json<Samples>()
  const verificationKey = (await importJWK(sent.verificationKey, ALG)) as CryptoKey
  prepared = { ...sent, verificationKey, signingKey: (await generateKeyPair(ALG)).privateKey }
  return c.body(null, 204)
})

/** Writes an object, as Gatehouse's accounts have theirs before the measurement. */
app.post('/objects', async (c) => {
  const { name, text } = await c.req.json<{ name: string; text: string }>()
  await c.env.ACCOUNT.getByName(name).write(text)
  return c.json({})
})

app.get('/auth/verify', () => respond(samples().verify))

/** With the signature's verification. */
app.get('/auth/verify-fresh', async (c) => {
  const token = (c.req.header('Authorization') ?? '').slice('Bearer '.length)
  const { verify, verificationKey } = samples()
  const { payload } = await jwtVerify(token, verificationKey, PINNED)
  return respond({ ...verify, headers: { ...verify.headers, 'x-auth-subject': payload.sub ?? '' } })
})

app.get('/.well-known/jwks.json', () => respond(samples().jwks))

/** Reads the object that the end of the token names. */
app.get('/auth/me', async (c) => {
  const name = c.req.header('Authorization')?.slice(-32) ?? ''
  const stored = await c.env.ACCOUNT.getByName(name).read()
  return respond({ ...samples().me, body: stored?.text ?? '' })
})

/** Writes an object and signs a token. */
app.post('/auth/refresh', async (c) => {
  const { refresh_token: name } = await c.req.json<{ refresh_token: string }>()
  await c.env.ACCOUNT.getByName(name).rotate()
  const { refresh, tokens, claims, header, signingKey } = samples()
  const token = new SignJWT({ ...claims, jti: crypto.randomUUID() }).setProtectedHeader(header)
  const access_token = await token.sign(signingKey)
  return respond({ ...refresh, body: JSON.stringify({ ...tokens, access_token }) })
})

/** Reads the body and an object. */
app.post('/auth/register', async (c) => {
  const { username } = await c.req.json<{ username: string }>()
  await c.env.COUNTER.getByName(username).read()
  return respond(samples().blocked)
})

/** A proxy that sets the headers that the gateway sets, in both directions, and checks nothing. */
app.all('/api/*', async (c) => {
  const { set, removed, response } = samples().gateway
  const request = new Request(c.req.raw)
  for (const name of removed) request.headers.delete(name)
  for (const [name, value] of set) request.headers.set(name, value)
  const received = await c.env.ORIGIN.fetch(request)
  const forwarded = new Response(received.body, received)
  for (const [name, value] of Object.entries(response.headers)) forwarded.headers.set(name, value)
  return forwarded
})

export default app

/** The bare floor: a Hono Worker that does the main work of each call and responds with little. */
import { DurableObject } from 'cloudflare:workers'
import { Hono } from 'hono'
import { type CryptoKey, generateKeyPair, importJWK, type JWK, jwtVerify, SignJWT } from 'jose'

interface Env {
  readonly ROW: DurableObjectNamespace<Row>
  readonly ORIGIN: Fetcher
}

/** An object that stores one record. */
export class Row extends DurableObject {
  write(): number {
    const count = (this.ctx.storage.kv.get<number>('count') ?? 0) + 1
    this.ctx.storage.kv.put('count', count)
    return count
  }

  read(): number {
    return this.ctx.storage.kv.get<number>('count') ?? 0
  }
}

const ROUNDS = 6
const ITERATIONS = 100_000
const ALG = 'ES256'

const PUBLIC_URL = 'https://auth.example.com'

const app = new Hono<{ Bindings: Env }>()
let verificationKey: CryptoKey | null = null
let signingKey: CryptoKey | null = null

app.get('/hello', (c) => c.text('hello'))

/** Sets the key with which the tokens of `/verify` are signed. */
app.put('/key', async (c) => {
  verificationKey = (await importJWK(await c.req.json<JWK>(), ALG)) as CryptoKey
  return c.body(null, 204)
})

app.get('/verify', async (c) => {
  const token = (c.req.header('Authorization') ?? '').slice('Bearer '.length)
  if (verificationKey === null) return c.body(null, 503)
  const pinned = { algorithms: [ALG], typ: 'at+jwt', issuer: PUBLIC_URL, audience: PUBLIC_URL }
  const { payload } = await jwtVerify(token, verificationKey, pinned)
  return c.body(null, 200, { 'X-Auth-Subject': payload.sub ?? '' })
})

/** Only the key derivation, with Gatehouse's default work factor. */
app.post('/derive', async (c) => {
  const { password } = await c.req.json<{ password: string }>()
  const salt = new Uint8Array(16)
  let output = new TextEncoder().encode(password)
  for (let round = 0; round < ROUNDS; round++) {
    const key = await crypto.subtle.importKey('raw', output, 'PBKDF2', false, ['deriveBits'])
    const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ITERATIONS }
    output = new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256))
  }
  return c.json({ bytes: output.length })
})

/** One write to an object and one signature. */
app.post('/rotate', async (c) => {
  const { name } = await c.req.json<{ name: string }>()
  const generation = await c.env.ROW.getByName(name).write()
  signingKey ??= (await generateKeyPair(ALG)).privateKey
  const token = await new SignJWT({ generation })
    .setProtectedHeader({ typ: 'at+jwt', alg: ALG, kid: 'floor' })
    .setIssuer(PUBLIC_URL)
    .setAudience(PUBLIC_URL)
    .setSubject(name)
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(signingKey)
  return c.json({ access_token: token })
})

/** The first writes of two objects. Each creates a database. */
app.post('/create-objects', async (c) => {
  const { name } = await c.req.json<{ name: string }>()
  await c.env.ROW.getByName(`${name} first`).write()
  return c.json({ count: await c.env.ROW.getByName(`${name} second`).write() })
})

/** One read of an object. */
app.post('/attempt', async (c) => {
  const { name } = await c.req.json<{ name: string }>()
  return c.json({ count: await c.env.ROW.getByName(name).read() }, 429)
})

/** A proxy that checks nothing. */
app.all('/api/*', (c) => c.env.ORIGIN.fetch(c.req.raw))

export default app

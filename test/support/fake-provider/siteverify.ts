/**
 * A fake provider that plays Turnstile and hCaptcha on the loopback interface. It follows their documented rules at their
 * paths, and fails as they may when a test asks for it. The query parameter `instance` of every URL separates the state
 * of one user from that of others.
 *
 * https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
 * https://developers.cloudflare.com/turnstile/troubleshooting/testing/
 * https://docs.hcaptcha.com/
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import {
  BEHAVIOURS,
  type Behaviour,
  type ProviderName,
  SECRET,
  SITE_KEY,
  type Solved,
  VERIFY_PATHS,
} from './protocol.ts'
import { WIDGET_SCRIPTS } from './widget.ts'

interface Token extends Solved {
  readonly provider: ProviderName
  readonly solvedAtMs: number
  /** How it was used: Turnstile's idempotency key, or an empty string; null if it is unused. */
  usedBy: string | null
}

interface State {
  readonly tokens: Map<string, Token>
  readonly forms: Record<string, string>[]
  behaviours: Behaviour[]
}

type Form = Readonly<Record<string, string>>
type SiteverifyResult = Readonly<Record<string, unknown>>

const DUMMY_TOKEN = 'XXXX.DUMMY.TOKEN.XXXX'
const HCAPTCHA_DUMMY_TOKEN = '10000000-aaaa-bbbb-cccc-000000000001'
const HCAPTCHA_DUMMY_SECRET = '0x0000000000000000000000000000000000000000'
const LIFE_SECONDS = { turnstile: 300, hcaptcha: 120 }
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const MAX_BODY_BYTES = 65_536

export interface RunningFakeProvider {
  /** Its origin. */
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Starts a server that does not keep the process alive. @param port 0 for any free port */
export async function startFakeProvider(port = 0): Promise<RunningFakeProvider> {
  const states = new Map<string, State>()
  const server = createServer((request, response) => {
    void serve(states, request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  server.unref()
  return { url: `http://127.0.0.1:${portOf(server)}`, stop: () => stop(server) }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the fake provider has no port')
  return address.port
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

async function serve(
  states: Map<string, State>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, search, searchParams } = new URL(request.url ?? '/', 'http://fake-provider')
  const name = searchParams.get('instance') ?? ''
  const state: State = states.get(name) ?? { tokens: new Map(), forms: [], behaviours: [] }
  states.set(name, state)
  const route = `${request.method} ${pathname}`
  const script = WIDGET_SCRIPTS[route]
  if (script !== undefined) return send(response, 200, script, 'text/javascript')
  const body = await read(request)
  const type = request.headers['content-type'] ?? ''
  switch (route) {
    case `POST ${VERIFY_PATHS.turnstile}`:
      return respond(state, response, search, parse(body, type), turnstile)
    case `POST ${VERIFY_PATHS.hcaptcha}`:
      return respond(state, response, search, parseForm(body), hcaptcha)
    case 'POST /elsewhere':
      state.forms.push(parseForm(body))
      return json(response, 200, { success: true, action: 'login' })
    case 'POST /turnstile/tokens':
      return json(response, 200, { token: solve(state, 'turnstile', JSON.parse(body || '{}')) })
    case 'POST /hcaptcha/tokens':
      return json(response, 200, { token: solve(state, 'hcaptcha', JSON.parse(body || '{}')) })
    case 'PUT /behaviours':
      state.behaviours = JSON.parse(body)
      return json(response, 200, {})
    case 'GET /forms':
      return json(response, 200, state.forms)
    default:
      return json(response, 404, {})
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error('too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function parse(body: string, type: string): Form {
  return type.startsWith('application/json') ? JSON.parse(body) : parseForm(body)
}

function parseForm(body: string): Form {
  return Object.fromEntries(new URLSearchParams(body))
}

/** Issues a token, as the widget does once a person has solved it. */
function solve(state: State, provider: ProviderName, solved: Solved): string {
  const token = `${provider === 'turnstile' ? '0.' : 'P1_'}${randomUUID()}`
  const solvedAtMs = Date.now() - (solved.age_seconds ?? 0) * 1000
  state.tokens.set(token, { ...solved, provider, solvedAtMs, usedBy: null })
  return token
}

/** Applies the next behaviour; the last one stays in force. */
async function respond(
  state: State,
  response: ServerResponse,
  query: string,
  form: Form,
  judge: (state: State, form: Form) => SiteverifyResult,
): Promise<void> {
  const behaviour = (state.behaviours.length > 1 ? state.behaviours.shift() : state.behaviours[0]) ?? 'right'
  state.forms.push(form)
  const result = BEHAVIOURS[behaviour] === 'judges' ? judge(state, form) : refusal('internal-error')
  switch (behaviour) {
    case 'stalls':
      return
    case 'stalls midway':
      return void response.writeHead(200, { 'Content-Type': 'application/json' }).write('{"success":')
    case 'lost':
    case 'hangs up':
      return void response.destroy()
    case 'hangs up midway':
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 })
      return void response.write('{"success":', () => response.destroy())
    case 'status 500':
      return json(response, 500, { success: true })
    case 'status 500 that refuses':
      return json(response, 500, refusal('invalid-input-response'))
    case 'status 429':
      return send(response, 429, 'error code: 1015', 'text/plain')
    case 'status 403 that passes':
      return json(response, 403, { success: true, action: 'login' })
    case 'garbage':
      return send(response, 200, '<html><title>Just a moment</title></html>', 'text/html')
    case 'another shape':
      return json(response, 200, { success: 'true' })
    case 'redirects':
      return void response.writeHead(307, { Location: `/elsewhere${query}` }).end()
    default:
      return json(response, 200, result)
  }
}

function turnstile(state: State, form: Form): SiteverifyResult {
  const { secret, response, idempotency_key: key } = form
  if (!secret) return refusal('missing-input-secret')
  if (!response) return refusal('missing-input-response')
  const testing = TURNSTILE_TEST_SECRETS[secret]
  if (testing !== undefined) return { ...testing(response), metadata: { result_with_testing_key: true } }
  if (secret !== SECRET) return refusal('invalid-input-secret')
  if (key !== undefined && !UUID.test(key)) return refusal('bad-request')
  const token = state.tokens.get(response)
  if (token?.provider !== 'turnstile' || !isOurs(token)) return refusal('invalid-input-response')
  if (isExpired(token) || isUsed(token, key)) return refusal('timeout-or-duplicate')
  token.usedBy = key ?? ''
  return { ...acceptance(token), action: token.action ?? '', cdata: '', metadata: { interactive: true } }
}

const TURNSTILE_TEST_SECRETS: Readonly<Record<string, (token: string) => SiteverifyResult>> = {
  '1x0000000000000000000000000000000AA': (token) =>
    token === DUMMY_TOKEN
      ? {
          success: true,
          'error-codes': [],
          challenge_ts: new Date().toISOString(),
          hostname: 'example.com',
        }
      : refusal('invalid-input-response'),
  '2x0000000000000000000000000000000AA': () => refusal('invalid-input-response'),
  '3x0000000000000000000000000000000AA': () => refusal('timeout-or-duplicate'),
}

function hcaptcha(state: State, form: Form): SiteverifyResult {
  const { secret, response, sitekey } = form
  if (!secret) return refusal('missing-input-secret')
  if (!response) return refusal('missing-input-response')
  if (secret === HCAPTCHA_DUMMY_SECRET) {
    return response === HCAPTCHA_DUMMY_TOKEN
      ? { ...acceptance({ solvedAtMs: Date.now(), hostname: 'dummy-key-pass' }), credit: false }
      : refusal('not-using-dummy-passcode')
  }
  if (secret !== SECRET) return refusal('invalid-input-secret')
  if (sitekey !== undefined && sitekey !== SITE_KEY) return refusal('sitekey-secret-mismatch')
  const token = state.tokens.get(response)
  if (token?.provider !== 'hcaptcha') return refusal('invalid-input-response')
  if (!isOurs(token)) return refusal('sitekey-secret-mismatch')
  if (isExpired(token)) return refusal('expired-input-response')
  if (token.usedBy !== null) return refusal('already-seen-response')
  token.usedBy = ''
  return { ...acceptance(token), credit: false }
}

/** Whether it comes from a widget of this service's site key. */
function isOurs({ site_key = SITE_KEY }: Token): boolean {
  return site_key === SITE_KEY
}

function isExpired({ provider, solvedAtMs }: Token): boolean {
  return Date.now() - solvedAtMs >= LIFE_SECONDS[provider] * 1000
}

/** The same key again is the same attempt, whose response was lost. */
function isUsed({ usedBy }: Token, key: string | undefined): boolean {
  return usedBy !== null && (key === undefined || usedBy !== key)
}

function acceptance({ solvedAtMs, hostname }: Pick<Token, 'solvedAtMs' | 'hostname'>): SiteverifyResult {
  return {
    success: true,
    'error-codes': [],
    challenge_ts: new Date(solvedAtMs).toISOString(),
    hostname: hostname ?? 'localhost',
  }
}

function refusal(code: string): SiteverifyResult {
  return { success: false, 'error-codes': [code] }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, JSON.stringify(body), 'application/json')
}

/** Allows every origin, since widgets run on pages of any. */
function send(response: ServerResponse, status: number, body: string, type: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Access-Control-Allow-Origin': '*' }).end(body)
}

/** Who is there before anything is measured: people with tokens at Gatehouse and at the peer. */
import { createHash } from 'node:crypto'
import type { Stage, WorkerName } from './stage.ts'

export const PASSWORD = 'correct horse battery staple'
export const ORIGIN = 'https://auth.example.com'
const CALLBACK = 'https://app.example.com/callback'
const CODE_VERIFIER = 'v'.repeat(64)

export interface Tokens {
  readonly access_token: string
  refresh_token: string
}

/** What the peer's refresh grant takes. */
export interface PeerGrant {
  readonly clientId: string
  refreshToken: string
}

export class Seeds {
  readonly #stage: Stage
  #next = 0

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** @returns a number that nobody has had */
  next(): number {
    this.#next += 1
    return this.#next
  }

  /** Somebody new of Gatehouse, from an address of their own. */
  async register(worker: WorkerName, username: string): Promise<Tokens> {
    const headers = { 'CF-Connecting-IP': addressOf(this.next()) }
    return this.call(worker, '/auth/register', { username, password: PASSWORD }, headers)
  }

  /** @returns the session's next access token */
  async refresh(person: Tokens): Promise<string> {
    const { refresh_token } = person
    const tokens = await this.call('gatehouse', '/auth/refresh', { refresh_token })
    person.refresh_token = tokens.refresh_token
    return tokens.access_token
  }

  /** @returns the Bearer token of somebody new of the peer */
  async signUp(worker: WorkerName, email: string): Promise<string> {
    const { token } = await this.call<{ token: string }>(worker, '/api/auth/sign-up/email', signUpBody(email))
    return token
  }

  /** Walks somebody new through the peer's authorization code flow. */
  async authorize(worker: WorkerName, email: string): Promise<PeerGrant> {
    const headers = { Authorization: `Bearer ${await this.signUp(worker, email)}` }
    const client = await this.call<{ client_id: string }>(
      worker,
      '/api/auth/oauth2/create-client',
      CLIENT,
      headers,
    )
    const consent = await this.#authorizationUrl(worker, client.client_id, headers)
    const decision = { accept: true, oauth_query: new URL(consent, ORIGIN).search.slice(1) }
    const { url } = await this.call<{ url: string }>(worker, '/api/auth/oauth2/consent', decision, headers)
    const form = {
      grant_type: 'authorization_code',
      code: new URL(url).searchParams.get('code') ?? '',
      redirect_uri: CALLBACK,
      client_id: client.client_id,
      code_verifier: CODE_VERIFIER,
    }
    const response = await fetch(this.#url(worker, '/api/auth/oauth2/token'), {
      method: 'POST',
      body: new URLSearchParams(form),
    })
    const { refresh_token } = await jsonOf<{ refresh_token: string }>(response)
    return { clientId: client.client_id, refreshToken: refresh_token }
  }

  async #authorizationUrl(
    worker: WorkerName,
    clientId: string,
    headers: Record<string, string>,
  ): Promise<string> {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: CALLBACK,
      scope: CLIENT.scope,
      state: 'state',
      code_challenge: createHash('sha256').update(CODE_VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
    })
    const path = `/api/auth/oauth2/authorize?${query}`
    const response = await fetch(this.#url(worker, path), { headers: { ...headers, Origin: ORIGIN } })
    return (await jsonOf<{ url: string }>(response)).url
  }

  /** @throws where the call is refused */
  async call<Answer = Tokens>(
    worker: WorkerName,
    path: string,
    body: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.#url(worker, path), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Origin: ORIGIN, ...headers },
      body: JSON.stringify(body),
    })
    return jsonOf<Answer>(response)
  }

  async get<Answer>(worker: WorkerName, path: string): Promise<Answer> {
    return jsonOf<Answer>(await fetch(this.#url(worker, path)))
  }

  async put(worker: WorkerName, path: string, body: object): Promise<void> {
    await fetch(this.#url(worker, path), { method: 'PUT', body: JSON.stringify(body) })
  }

  #url(worker: WorkerName, path: string): string {
    return `http://127.0.0.1:${this.#stage.port(worker)}${path}`
  }
}

const CLIENT = {
  redirect_uris: [CALLBACK],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid offline_access',
}

export function signUpBody(email: string) {
  return { name: 'Somebody', email, password: PASSWORD }
}

/** An address for each number: of RFC 1918, of which there are enough. */
export function addressOf(number: number): string {
  return `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}

async function jsonOf<Answer>(response: Response): Promise<Answer> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Answer
}

/** Creates the accounts and tokens, at Gatehouse and at the peer, that the measurements need. */
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

/** The parameters of the peer's refresh grant. */
export interface PeerTokenFamily {
  readonly clientId: string
  refreshToken: string
}

export class Seeds {
  readonly #stage: Stage
  #next = 0

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** @returns a number that was not used before */
  next(): number {
    this.#next += 1
    return this.#next
  }

  /** Registers a new account at Gatehouse, from an IP address of its own. */
  async register(worker: WorkerName, username: string): Promise<Tokens> {
    const headers = { 'CF-Connecting-IP': addressOf(this.next()) }
    return this.call(worker, '/auth/register', { username, password: PASSWORD }, headers)
  }

  /** Refreshes the session. @returns the new access token */
  async refresh(person: Tokens): Promise<string> {
    const { refresh_token } = person
    const tokens = await this.call('gatehouse', '/auth/refresh', { refresh_token })
    person.refresh_token = tokens.refresh_token
    return tokens.access_token
  }

  /** Registers a new account at the peer. @returns its Bearer token */
  async signUp(worker: WorkerName, email: string): Promise<string> {
    const { token } = await this.call<{ token: string }>(worker, '/api/auth/sign-up/email', signUpBody(email))
    return token
  }

  /** Registers a new account at the peer and runs the authorization code flow for it. */
  async runCodeFlow(worker: WorkerName, email: string): Promise<PeerTokenFamily> {
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

  /** @throws if the response is an error */
  async call<Body = Tokens>(
    worker: WorkerName,
    path: string,
    body: object,
    headers: Record<string, string> = {},
  ): Promise<Body> {
    const response = await fetch(this.#url(worker, path), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Origin: ORIGIN, ...headers },
      body: JSON.stringify(body),
    })
    return jsonOf<Body>(response)
  }

  async get<Body>(worker: WorkerName, path: string): Promise<Body> {
    return jsonOf<Body>(await fetch(this.#url(worker, path)))
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
  return { name: 'Ada', email, password: PASSWORD }
}

/** @returns a different private address (RFC 1918) for each number */
export function addressOf(number: number): string {
  return `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
}

async function jsonOf<Body>(response: Response): Promise<Body> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Body
}

/** The calls of a user or of an app, at Gatehouse and at the peer. */
import { type Load, request } from './load.ts'
import { get, post } from './pair.ts'
import { PASSWORD, type Seeds, signUpBody } from './seeds.ts'
import { refreshing, rotating } from './session-pairs.ts'
import type { Stage, WorkerName } from './stage.ts'

export interface Call {
  readonly name: string
  readonly ours: Load
  /** The peer's call that does the same, if it has one. */
  readonly theirs?: { readonly name: string; readonly load: Load }
}

export interface Sides {
  readonly ours: WorkerName
  readonly peer: WorkerName
  /** The peer as an OAuth provider. */
  readonly peerOauth: WorkerName
}

const WRONG = 'incorrect horse battery staple'
const BLOCKED = { 'CF-Connecting-IP': '192.0.2.2' }

/** Creates the accounts that the calls need. One connection sends them. */
export async function callsOf(stage: Stage, seeds: Seeds, sides: Sides): Promise<readonly Call[]> {
  const ours = (next: Load['next'], status = 200) => ({ port: stage.port(sides.ours), status, next })
  const peer = (name: string, next: Load['next'], status = 200) => {
    return { name, load: { port: stage.port(sides.peer), status, next } }
  }
  const name = `calls.${seeds.next()}`
  const email = `${name}@example.com`
  const person = await seeds.register(sides.ours, name)
  const { access_token } = person
  const session = await seeds.signUp(sides.peer, email)
  const family = await seeds.runCodeFlow(sides.peerOauth, email)
  for (let n = 0; n < 3; n++) await seeds.call(sides.ours, '/auth/register', registration(seeds), BLOCKED)
  const getSession = peer('get-session', () => get('/api/auth/get-session', session))
  const signIn = (password: string) => () => post('/api/auth/sign-in/email', { email, password })
  const logIn = (password: string) => () => post('/auth/login', { identifier: name, password }, seeds.next())
  const register = () => post('/auth/register', registration(seeds), seeds.next())
  const signUp = () => post('/api/auth/sign-up/email', signUpBody(`calls.${seeds.next()}@example.com`))
  const blocked = () => request('POST', '/auth/register', BLOCKED, registration(seeds))
  return [
    { name: '/auth/verify', ours: ours(() => get('/auth/verify', access_token)), theirs: getSession },
    {
      name: 'JWKS',
      ours: ours(() => get('/.well-known/jwks.json')),
      theirs: peer('jwks', () => get('/api/auth/jwks')),
    },
    { name: 'gateway, without the origin', ours: ours(() => get('/api/x', access_token)) },
    { name: 'GET /auth/me', ours: ours(() => get('/auth/me', access_token)), theirs: getSession },
    {
      name: 'refresh',
      ours: ours(refreshing([person])),
      theirs: {
        name: "OAuth provider's refresh",
        load: { port: stage.port(sides.peerOauth), status: 200, next: rotating([family]) },
      },
    },
    { name: 'login', ours: ours(logIn(PASSWORD)), theirs: peer('sign-in', signIn(PASSWORD)) },
    {
      name: 'login, incorrect password',
      ours: ours(logIn(WRONG), 401),
      theirs: peer('sign-in, incorrect password', signIn(WRONG), 401),
    },
    { name: 'registration', ours: ours(register, 201), theirs: peer('sign-up', signUp) },
    { name: 'blocked registration', ours: ours(blocked, 429) },
  ]
}

function registration(seeds: Seeds) {
  return { username: `calls.${seeds.next()}`, password: PASSWORD }
}

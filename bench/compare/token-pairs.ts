/** Calls that need only an access token, or nothing: forward auth, the key set and the gateway. */
import {
  at32,
  atBoth,
  compareWith,
  get,
  inTurn,
  type LoadsOn,
  mapConcurrently,
  type Next,
  type Pair,
} from './pair.ts'
import type { Seeds, Tokens } from './seeds.ts'

/** More than an isolate caches, so that each has been evicted when it is sent again. */
const FRESH_TOKENS = 6_144

/**
 * @param people one for each connection, at least
 * @param session the peer's session of a connection
 */
export async function tokenPairs(
  on: LoadsOn,
  seeds: Seeds,
  people: readonly Tokens[],
  session: readonly string[],
): Promise<readonly Pair[]> {
  const fresh = await freshTokens(seeds, people)
  const warm = (path: string) => (n: number) => get(path, people[n]?.access_token)
  const jwks = () => get('/.well-known/jwks.json')
  return [
    ...compareWith('/auth/verify, warm', on('gatehouse', warm('/auth/verify')), [
      { comparedWith: 'fair floor', theirs: on('fair-floor', warm('/auth/verify')), target: at32(0.85) },
      { comparedWith: 'bare Hono', theirs: on('floor', warm('/hello')) },
      {
        comparedWith: 'peer: get-session',
        theirs: on('peer', (n) => get('/api/auth/get-session', session[n])),
        target: atBoth(20),
      },
    ]),
    ...compareWith('/auth/verify, fresh', on('gatehouse', cycling('/auth/verify', fresh)), [
      {
        comparedWith: 'fair floor: jose',
        theirs: on('fair-floor', cycling('/auth/verify-fresh', fresh)),
        target: at32(0.85),
      },
      { comparedWith: 'bare Hono: jose', theirs: on('floor', cycling('/verify', fresh)) },
    ]),
    ...compareWith('JWKS', on('gatehouse', jwks), [
      { comparedWith: 'fair floor', theirs: on('fair-floor', jwks), target: at32(0.85) },
      { comparedWith: 'bare Hono', theirs: on('floor', () => get('/hello')) },
      { comparedWith: 'peer: jwks', theirs: on('peer', () => get('/api/auth/jwks')) },
    ]),
    ...gatewayPairs(on, warm, fresh),
  ]
}

function gatewayPairs(on: LoadsOn, warm: (path: string) => Next, fresh: readonly string[]): readonly Pair[] {
  const comparedWith = "Gatehouse, passing the client's token"
  const proxies = [
    { comparedWith: 'fair floor: proxy', theirs: on('fair-floor', warm('/api/x')), target: atBoth(0.8) },
    { comparedWith: 'bare Hono: proxy', theirs: on('floor', warm('/api/x')) },
  ]
  return [
    ...compareWith('gateway', on('gatehouse', warm('/api/x')), [
      ...proxies,
      { comparedWith, theirs: on('gatehouse', warm('/pass/x')) },
    ]),
    ...compareWith('gateway, log of failures', on('gatehouse', warm('/quiet/x')), proxies),
    ...compareWith('gateway, fresh', on('gatehouse', cycling('/api/x', fresh)), [
      { comparedWith, theirs: on('gatehouse', cycling('/pass/x', fresh)) },
    ]),
  ]
}

function cycling(path: string, tokens: readonly string[]): Next {
  const nextToken = inTurn(tokens)
  return () => get(path, nextToken())
}

/** @returns enough tokens of each person that an isolate evicts the first before it has seen all */
async function freshTokens(seeds: Seeds, people: readonly Tokens[]): Promise<readonly string[]> {
  const tokens = await mapConcurrently(people, async (person) => {
    const fresh: string[] = []
    while (fresh.length < FRESH_TOKENS / people.length) fresh.push(await seeds.refresh(person))
    return fresh
  })
  return tokens.flat()
}

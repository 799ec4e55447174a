/**
 * Records one response of Gatehouse to each call for the fair floor, which then sends as many headers and a body of the same
 * size.
 */
import type { JWK } from 'jose'
import { exchange, type HttpResponse } from './load.ts'
import { get } from './pair.ts'
import type { Seeds, Tokens } from './seeds.ts'
import type { Stage, WorkerName } from './stage.ts'
import type { Field, SampleResponse, Samples } from './worker-types.ts'

/** Requests whose responses are recorded. */
export interface SampleRequests {
  readonly bearer: string
  readonly refresh: string
  readonly blocked: string
}

type Call = 'verify' | 'jwks' | 'me' | 'refresh' | 'blocked' | 'gateway'
type Send = (worker: WorkerName, request: string) => Promise<SampleResponse>

/**
 * Records Gatehouse's responses and gives them to the fair floor, and the key to both floors.
 * @throws if the fair floor does not send as much as Gatehouse
 */
export async function recordSamples(stage: Stage, seeds: Seeds, requests: SampleRequests): Promise<Samples> {
  const { bearer, refresh, blocked } = requests
  const calls: Readonly<Record<Call, string>> = {
    verify: get('/auth/verify', bearer),
    jwks: get('/.well-known/jwks.json'),
    me: get('/auth/me', bearer),
    gateway: get('/api/x', bearer),
    refresh,
    blocked,
  }
  const send: Send = async (worker, request) => sampleOf(await exchange(stage.port(worker), request))
  const responses = await sendAll(calls, (request) => send('gatehouse', request))
  const samples = await samplesFrom(responses, send, bearer)
  await seeds.put('fair-floor', '/samples', samples)
  await seeds.put('floor', '/key', samples.verificationKey)
  await seeds.call('fair-floor', '/objects', { name: objectNameOf(bearer), text: responses.me.body })
  const floor = await sendAll(calls, (request) => send('fair-floor', request))
  if (sizesOf(floor) !== sizesOf(responses))
    throw new Error(`the fair floor sends ${sizesOf(floor)} instead of ${sizesOf(responses)}`)
  return samples
}

/** @returns the name of the object that the fair floor reads for a token */
export function objectNameOf(accessToken: string): string {
  return accessToken.slice(-32)
}

async function sendAll(
  calls: Readonly<Record<Call, string>>,
  send: (request: string) => Promise<SampleResponse>,
): Promise<Readonly<Record<Call, SampleResponse>>> {
  const { verify, jwks, me, gateway, refresh, blocked } = calls
  return {
    verify: await send(verify),
    jwks: await send(jwks),
    me: await send(me),
    gateway: await send(gateway),
    refresh: await send(refresh),
    blocked: await send(blocked),
  }
}

async function samplesFrom(
  { gateway, ...responses }: Readonly<Record<Call, SampleResponse>>,
  send: Send,
  bearer: string,
): Promise<Samples> {
  const tokens: Tokens = JSON.parse(responses.refresh.body)
  const [header, claims] = tokens.access_token.split('.', 2).map(decode)
  const { keys }: { keys: readonly JWK[] } = JSON.parse(responses.jwks.body)
  const verificationKey = keys.find(({ kid }) => kid === header.kid)
  if (verificationKey === undefined) throw new Error('the key of the access token is not published')
  const headersAtOrigin = async (worker: WorkerName) => {
    const { body } = await send(worker, get('/api/headers', bearer))
    return new Map<string, string>(JSON.parse(body))
  }
  const [fromGatehouse, fromClient] = [await headersAtOrigin('gatehouse'), await headersAtOrigin('floor')]
  const set = [...fromGatehouse].filter(([name, value]) => fromClient.get(name) !== value)
  const removed = [...fromClient.keys()].filter((name) => !fromGatehouse.has(name))
  return {
    ...responses,
    gateway: { set, removed, response: gateway },
    tokens,
    header,
    claims,
    verificationKey,
  }
}

function sampleOf({ status, head, body }: HttpResponse): SampleResponse {
  const [, ...lines] = head.split('\r\n')
  const fields = lines.map((line): Field => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  // The runtime sets the length itself.
  const headers = Object.fromEntries(fields.filter(([name]) => name !== 'content-length'))
  return { status, headers, body }
}

function decode(part: string) {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}

/** @returns the status of each response, the number of its headers and the length of its body */
function sizesOf(responses: Readonly<Record<Call, SampleResponse>>): string {
  const sizes = Object.entries(responses).map(([call, { status, headers, body }]) => {
    return `${call} ${status}, ${Object.keys(headers).length}, ${body.length}`
  })
  return sizes.join('; ')
}

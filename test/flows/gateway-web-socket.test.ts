/** How a browser, which cannot set `Authorization` on a WebSocket, shows its token, and what the origin sees of it. */
import { beforeAll, describe, expect, it } from 'vitest'
import { call, newPerson, refused, type Tokens } from '../support/client.ts'
import { arrived, bearerOf, gate, valuesOf } from '../support/gateway.ts'

let person: Tokens
beforeAll(async () => {
  person = await newPerson()
})

const tokenProtocol = (token = person.access_token) => `gatehouse.bearer.${token}`

interface Offer {
  readonly protocols?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: string
}

function open({ protocols, headers = {}, query = '' }: Offer, fetch = gate()) {
  const offered = protocols === undefined ? {} : { 'Sec-WebSocket-Protocol': protocols }
  return call(
    'GET',
    `/api/websocket${query}`,
    { headers: { Upgrade: 'websocket', ...offered, ...headers } },
    fetch,
  )
}

async function opened(offer: Offer, fetch = gate()) {
  const answer = await open(offer, fetch)
  await closed(answer.webSocket)
  return { status: answer.status, selected: answer.headers.get('Sec-WebSocket-Protocol') }
}

/** Closes a socket, if there is one, and waits until the origin has, too. */
function closed(socket: WebSocket | null): Promise<unknown> {
  if (socket === null) return Promise.resolve()
  const closing = new Promise((resolve) => socket.addEventListener('close', resolve))
  socket.accept()
  socket.close(1000)
  return closing
}

/** A request by upgrade to a path that says what the origin got. */
const seen = (protocols: string, route: object = {}) =>
  arrived(
    call(
      'GET',
      '/api/me',
      { headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': protocols } },
      gate(route),
    ),
  )

describe('a WebSocket', () => {
  it('opens with the token as a subprotocol', async () => {
    expect(await opened({ protocols: tokenProtocol() })).toEqual({ status: 101, selected: null })
  })

  it.each([
    ['gatehouse', '', 'gatehouse'],
    ['chat, gatehouse', '', 'gatehouse'],
    ['chat, gatehouse', '?select=chat', 'chat'],
    ['chat', '?select=chat', 'chat'],
    ['chat', '', null],
    ['chat, Gatehouse', '', null],
  ])('that offers %s at an origin that selects %j gets %s', async (protocols, query, selected) => {
    expect(await opened({ protocols: `${protocols}, ${tokenProtocol()}`, query })).toEqual({
      status: 101,
      selected,
    })
  })

  it.each([
    ['nothing', undefined],
    ['other protocols', 'chat, gatehouse'],
    ['an empty token', 'gatehouse.bearer.'],
    ['a token that is none', 'gatehouse.bearer.none'],
    ['the prefix in other letters', 'Gatehouse.Bearer.x'],
  ])('that offers %s is 401', async (_what, protocols) => {
    const problem = await refused(open(protocols === undefined ? {} : { protocols }))
    expect([problem.status, problem.code]).toEqual([401, 'invalid_token'])
  })

  it('that offers two tokens is 401, equal ones too', async () => {
    for (const another of [person.access_token, 'none']) {
      const protocols = `${tokenProtocol()}, chat, ${tokenProtocol(another)}`
      expect((await refused(open({ protocols }))).code).toBe('invalid_token')
    }
  })

  it('with Authorization goes by that', async () => {
    const headers = { Authorization: `Bearer ${person.access_token}` }
    expect(await opened({ protocols: tokenProtocol('none'), headers })).toMatchObject({ status: 101 })
    const wrong = { Authorization: 'Bearer none' }
    expect((await refused(open({ protocols: tokenProtocol(), headers: wrong }))).code).toBe('invalid_token')
  })

  it('passes as nobody without a token where none is required, and never with a bad one', async () => {
    const fetch = gate({ required: false })
    expect(await opened({}, fetch)).toMatchObject({ status: 101 })
    expect((await refused(open({ protocols: tokenProtocol('none') }, fetch))).code).toBe('invalid_token')
  })
})

describe('an origin', () => {
  it('sees what else is offered, in its order, and never the token', async () => {
    const { access_token } = person
    const came = await arrivedHeaders(`chat.v2,${tokenProtocol()} ,gatehouse,  json`)
    expect(came.offered).toEqual(['chat.v2, gatehouse, json'])
    expect(came.text).not.toContain(access_token)
    expect((await arrivedHeaders(tokenProtocol())).offered).toEqual([])
  })

  it('never sees a token that is offered without an upgrade, and nobody passes by one', async () => {
    const headers = { 'Sec-WebSocket-Protocol': tokenProtocol() }
    expect((await refused(call('GET', '/api/me', { headers }, gate()))).code).toBe('invalid_token')
    const came = await arrived(call('GET', '/api/me', { headers }, gate({ required: false })))
    expect(JSON.stringify(came)).not.toContain(person.access_token)
  })

  it('gets a token of its own in place of the one that was offered', async () => {
    const token = bearerOf(await seen(tokenProtocol()))
    expect(token).toBeDefined()
    expect(token).not.toBe(person.access_token)
  })

  it('gets the one that was offered with "pass", and none with "drop"', async () => {
    expect(bearerOf(await seen(tokenProtocol(), { authorization: 'pass' }))).toBe(person.access_token)
    expect(bearerOf(await seen(tokenProtocol(), { authorization: 'drop' }))).toBeUndefined()
  })
})

async function arrivedHeaders(protocols: string) {
  const came = await seen(protocols)
  return { offered: valuesOf(came, 'sec-websocket-protocol'), text: JSON.stringify(came) }
}

describe('forward auth', () => {
  it('reads no subprotocol', async () => {
    const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': tokenProtocol() }
    expect((await refused(call('GET', '/auth/verify', { headers }))).code).toBe('invalid_token')
  })
})

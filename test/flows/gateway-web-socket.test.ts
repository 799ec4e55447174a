/** How a browser, which cannot set `Authorization` on a WebSocket, sends its token, and what the origin receives. */

import { beforeAll, describe, expect, it } from 'vitest'
import { call, newPerson, refused } from '../support/client.ts'
import { bearerOf, requestAtOrigin, valuesOf, workerWithGateway } from '../support/gateway.ts'
import type { Tokens } from '../support/responses.ts'

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

function open({ protocols, headers = {}, query = '' }: Offer, fetch = workerWithGateway()) {
  const offered = protocols === undefined ? {} : { 'Sec-WebSocket-Protocol': protocols }
  return call(
    'GET',
    `/api/websocket${query}`,
    { headers: { Upgrade: 'websocket', ...offered, ...headers } },
    fetch,
  )
}

async function opened(offer: Offer, fetch = workerWithGateway()) {
  const response = await open(offer, fetch)
  await closed(response.webSocket)
  return { status: response.status, selected: response.headers.get('Sec-WebSocket-Protocol') }
}

/** Closes a socket, if there is one, and waits until the origin has closed it, too. */
function closed(socket: WebSocket | null): Promise<unknown> {
  if (socket === null) return Promise.resolve()
  const closing = new Promise((resolve) => socket.addEventListener('close', resolve))
  socket.accept()
  socket.close(1000)
  return closing
}

/** What the origin receives of an upgrade request with these subprotocols. */
const receivedWith = (protocols: string, route: object = {}) =>
  requestAtOrigin(
    call(
      'GET',
      '/api/me',
      { headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': protocols } },
      workerWithGateway(route),
    ),
  )

describe('a WebSocket', () => {
  it('opens a WebSocket with the token as a subprotocol', async () => {
    expect(await opened({ protocols: tokenProtocol() })).toEqual({ status: 101, selected: null })
  })

  it.each([
    ['gatehouse', '', 'gatehouse'],
    ['chat, gatehouse', '', 'gatehouse'],
    ['chat, gatehouse', '?select=chat', 'chat'],
    ['chat', '?select=chat', 'chat'],
    ['chat', '', null],
    ['chat, Gatehouse', '', null],
  ])(
    'negotiates the subprotocol: offered %s, origin query %j, selected %s',
    async (protocols, query, selected) => {
      expect(await opened({ protocols: `${protocols}, ${tokenProtocol()}`, query })).toEqual({
        status: 101,
        selected,
      })
    },
  )

  it.each([
    ['nothing', undefined],
    ['other protocols', 'chat, gatehouse'],
    ['an empty token', 'gatehouse.bearer.'],
    ['an invalid token', 'gatehouse.bearer.none'],
    ['the prefix in another case', 'Gatehouse.Bearer.x'],
  ])('answers 401 to a WebSocket that offers %s', async (_what, protocols) => {
    const problem = await refused(open(protocols === undefined ? {} : { protocols }))
    expect([problem.status, problem.code]).toEqual([401, 'invalid_token'])
  })

  it('rejects a WebSocket that offers two tokens, even equal ones', async () => {
    for (const another of [person.access_token, 'none']) {
      const protocols = `${tokenProtocol()}, chat, ${tokenProtocol(another)}`
      expect((await refused(open({ protocols }))).code).toBe('invalid_token')
    }
  })

  it('prefers the token in Authorization to the subprotocol', async () => {
    const headers = { Authorization: `Bearer ${person.access_token}` }
    expect(await opened({ protocols: tokenProtocol('none'), headers })).toMatchObject({ status: 101 })
    const wrong = { Authorization: 'Bearer none' }
    expect((await refused(open({ protocols: tokenProtocol(), headers: wrong }))).code).toBe('invalid_token')
  })

  it('opens a WebSocket without a token if the route requires none, but rejects an invalid token', async () => {
    const fetch = workerWithGateway({ required: false })
    expect(await opened({}, fetch)).toMatchObject({ status: 101 })
    expect((await refused(open({ protocols: tokenProtocol('none') }, fetch))).code).toBe('invalid_token')
  })
})

describe('the origin of a WebSocket', () => {
  it('forwards the other subprotocols in their order, and never the token', async () => {
    const { access_token } = person
    const received = await receivedHeaders(`chat.v2,${tokenProtocol()} ,gatehouse,  json`)
    expect(received.offered).toEqual(['chat.v2, gatehouse, json'])
    expect(received.text).not.toContain(access_token)
    expect((await receivedHeaders(tokenProtocol())).offered).toEqual([])
  })

  it('neither accepts nor forwards a subprotocol token in a request without an upgrade', async () => {
    const headers = { 'Sec-WebSocket-Protocol': tokenProtocol() }
    expect((await refused(call('GET', '/api/me', { headers }, workerWithGateway()))).code).toBe(
      'invalid_token',
    )
    const received = await requestAtOrigin(
      call('GET', '/api/me', { headers }, workerWithGateway({ required: false })),
    )
    expect(JSON.stringify(received)).not.toContain(person.access_token)
  })

  it('sends the origin of a WebSocket an exchange token in place of the offered one', async () => {
    const token = bearerOf(await receivedWith(tokenProtocol()))
    expect(token).toBeDefined()
    expect(token).not.toBe(person.access_token)
  })

  it('forwards the offered token if the authorization of the route is "pass", and none with "drop"', async () => {
    expect(bearerOf(await receivedWith(tokenProtocol(), { authorization: 'pass' }))).toBe(person.access_token)
    expect(bearerOf(await receivedWith(tokenProtocol(), { authorization: 'drop' }))).toBeUndefined()
  })
})

async function receivedHeaders(protocols: string) {
  const received = await receivedWith(protocols)
  return { offered: valuesOf(received, 'sec-websocket-protocol'), text: JSON.stringify(received) }
}

describe('forward auth', () => {
  it('ignores a subprotocol token in forward auth', async () => {
    const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': tokenProtocol() }
    expect((await refused(call('GET', '/auth/verify', { headers }))).code).toBe('invalid_token')
  })
})

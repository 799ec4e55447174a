import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface ProxyRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface ProxyResponse {
  readonly status: number | undefined
  /** @returns each value of the header with this name, in lower case */
  readonly all: (name: string) => readonly string[]
  readonly body: string
}

/** Sends any method and any header, including those that `fetch` refuses. */
export function send(
  to: number,
  { method = 'GET', path = '/orders', headers = {}, body = '' }: ProxyRequest = {},
) {
  return new Promise<ProxyResponse>((resolve, reject) => {
    const sent = request(
      { port: to, method, path, headers },
      (message) => void read(message).then(resolve, reject),
    )
    sent.once('error', reject).end(body)
  })
}

async function read(message: IncomingMessage): Promise<ProxyResponse> {
  const lines = message.rawHeaders
  const all = (name: string) =>
    lines.filter((_line, index) => index % 2 === 1 && lines[index - 1]?.toLowerCase() === name)
  return { status: message.statusCode, all, body: await text(message) }
}

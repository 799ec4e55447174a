import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  readonly status: number | undefined
  /** Each value that came under a name. */
  readonly all: (name: string) => readonly string[]
  readonly body: string
}

/** Sends what no fetch would: any method, any header. */
export function send(to: number, { method = 'GET', path = '/orders', headers = {}, body = '' }: Sent = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const sent = request(
      { port: to, method, path, headers },
      (answer) => void read(answer).then(resolve, reject),
    )
    sent.once('error', reject).end(body)
  })
}

async function read(answer: IncomingMessage): Promise<Answer> {
  const lines = answer.rawHeaders
  const all = (name: string) =>
    lines.filter((_line, index) => index % 2 === 1 && lines[index - 1]?.toLowerCase() === name)
  return { status: answer.statusCode, all, body: await text(answer) }
}

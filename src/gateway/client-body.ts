/** The body of a request on its way to an origin, as a stream. */

import { ServiceError } from '../errors/service-error.ts'

export interface ClientBody {
  /** null if there is no body to send. */
  readonly stream: ReadableStream<Uint8Array> | null
  /** Asked once sending has failed: whether the client's own framing did (RFC 9112 section 8), not the origin. */
  readonly isBroken: () => Promise<boolean>
}

const NONE: ClientBody = { stream: null, isBroken: async () => false }
const CHUNK_BYTES = 65_536
/** The failure of one end of a stream is known to the other at once, or not at all. */
const SETTLE_MS = 20

/** Whether a request has a body (RFC 9112 section 6): one of length 0 does not count. */
export function hasBody({ body, headers }: Request): boolean {
  return body !== null && Number(headers.get('Content-Length') ?? Number.NaN) !== 0
}

/**
 * @param sending is aborted if the body breaks off
 * @throws {ServiceError} `malformed_request` for a length that no body has
 */
export function clientBody(request: Request, sending: AbortController): ClientBody {
  const { body, headers } = request
  if (body === null || !hasBody(request)) return NONE
  const length = headers.get('Content-Length')
  if (length === null) return ofUnknownLength(body, sending)
  // The runtime takes lengths that it cannot count up to.
  if (!Number.isSafeInteger(Number(length))) throw new ServiceError('malformed_request')
  return ofLength(body, Number(length))
}

/** The runtime copies it by itself, and the origin learns its length. */
function ofLength(body: ReadableStream<Uint8Array>, length: number): ClientBody {
  const { readable, writable } = new FixedLengthStream(length)
  let isBroken = false
  const sending = body.pipeTo(writable, { preventCancel: true }).catch(async () => {
    isBroken = await hasFailed(body)
  })
  const settled = () => Promise.race([sending, scheduler.wait(SETTLE_MS)])
  return { stream: readable, isBroken: async () => settled().then(() => isBroken) }
}

function hasFailed(body: ReadableStream<Uint8Array>): Promise<boolean> {
  const closed = body.getReader().closed.then(
    () => false,
    () => true,
  )
  return Promise.race([closed, scheduler.wait(0).then(() => false)])
}

/** A stream that fails would end as if it were whole: the runtime sends the last chunk of it. So one that breaks off stays open. */
function ofUnknownLength(body: ReadableStream<Uint8Array>, sending: AbortController): ClientBody {
  const { read, cancel } = readerOf(body)
  let isBroken = false
  const breakOff = (): Promise<never> => {
    isBroken = true
    sending.abort()
    return new Promise(() => undefined)
  }
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await read().catch(breakOff)
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel,
  })
  return { stream, isBroken: async () => isBroken }
}

interface Reader {
  readonly read: () => Promise<ReadableStreamReadResult<Uint8Array>>
  readonly cancel: (reason: unknown) => Promise<void>
}

/** In large chunks where it can be, as with what comes from the network: each costs CPU time. */
function readerOf(body: ReadableStream<Uint8Array>): Reader {
  try {
    const reader = body.getReader({ mode: 'byob' })
    return {
      read: () => reader.read(new Uint8Array(CHUNK_BYTES)),
      cancel: (reason) => reader.cancel(reason),
    }
  } catch {
    const reader = body.getReader()
    return { read: () => reader.read(), cancel: (reason) => reader.cancel(reason) }
  }
}

/** The body of a request as a stream, to be forwarded to an origin. */
import { ServiceError } from '../errors/service-error.ts'

export interface ClientBody {
  /** null if there is no body to send. */
  readonly stream: ReadableStream<Uint8Array> | null
  /** After sending has failed: whether the body was incomplete (RFC 9112 section 8), so that the origin is not to blame. */
  readonly isBroken: () => Promise<boolean>
}

const NO_BODY: ClientBody = { stream: null, isBroken: async () => false }
const CHUNK_BYTES = 65_536
/** An error at one end of a stream reaches the other end within this time, or not at all. */
const SETTLE_MS = 20

/** Whether a request has a body (RFC 9112 section 6). A body of length 0 does not count. */
export function hasBody({ body, headers }: Request): boolean {
  return body !== null && Number(headers.get('Content-Length') ?? Number.NaN) !== 0
}

/**
 * @param sending is aborted if the body is incomplete
 * @throws {ServiceError} `malformed_request` for a length that no body can have
 */
export function clientBody(request: Request, sending: AbortController): ClientBody {
  const { body, headers } = request
  if (body === null || !hasBody(request)) return NO_BODY
  const length = headers.get('Content-Length')
  if (length === null) return ofUnknownLength(body, sending)
  // The runtime accepts lengths that it cannot count exactly.
  if (!Number.isSafeInteger(Number(length))) throw new ServiceError('malformed_request')
  return ofLength(body, Number(length))
}

/** The runtime copies the body without JavaScript, and the origin receives its length. */
function ofLength(body: ReadableStream<Uint8Array>, length: number): ClientBody {
  const { readable, writable } = new FixedLengthStream(length)
  let isBroken = false
  const sending = body.pipeTo(writable, { preventCancel: true }).catch(async () => {
    isBroken = await isErrored(body)
  })
  const settled = () => Promise.race([sending, scheduler.wait(SETTLE_MS)])
  return { stream: readable, isBroken: async () => settled().then(() => isBroken) }
}

function isErrored(body: ReadableStream<Uint8Array>): Promise<boolean> {
  const closed = body.getReader().closed.then(
    () => false,
    () => true,
  )
  return Promise.race([closed, scheduler.wait(0).then(() => false)])
}

/**
 * If the stream failed, the runtime would send the last chunk, and the origin would take the body for complete. Therefore the
 * stream of an incomplete body stays open, and the request is aborted.
 */
function ofUnknownLength(body: ReadableStream<Uint8Array>, sending: AbortController): ClientBody {
  const { read, cancel } = readerOf(body)
  let isBroken = false
  const abortSending = (): Promise<never> => {
    isBroken = true
    sending.abort()
    return new Promise(() => undefined)
  }
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await read().catch(abortSending)
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

/** Reads in large chunks if the stream supports it, as streams from the network do, because each chunk costs CPU time. */
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

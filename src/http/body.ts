/** Request bodies, read in whole up to what a call of the service may be sent. */
import { ServiceError } from '../errors.ts'

const MAX_BODY_BYTES = 16_384

/** @throws {ServiceError} `body_too_large`; `malformed_json` where it breaks off */
export async function readBounded(request: Request): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  const stated = request.headers.get('Content-Length')
  if (stated === null) return readChunks(request.body)
  if (Number(stated) > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
  return readWhole(request)
}

/** Where its length is stated HTTP delivers no more (RFC 9112 section 6.3), and the runtime reads it in one go. */
async function readWhole(request: Request): Promise<Uint8Array> {
  const bytes = await request.bytes().catch(() => {
    throw new ServiceError('malformed_json')
  })
  if (bytes.length > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
  return bytes
}

async function readChunks(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_BODY_BYTES)
  let length = 0
  for await (const chunk of whileItLasts(body)) {
    if (length + chunk.length > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
    bytes.set(chunk, length)
    length += chunk.length
  }
  return bytes.slice(0, length)
}

/** A body that breaks off is its client's doing, no fault of the service. */
async function* whileItLasts(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch {
    throw new ServiceError('malformed_json')
  }
}

/** Request bodies, read in whole up to what a call of the service may be sent. */
import { ServiceError } from '../errors/service-error.ts'

const MAX_BODY_BYTES = 16_384

/** The longest list of codings that is looked at. */
const MAX_CODINGS_LENGTH = 256

/**
 * Reads the body of a call of the service's own.
 * @throws {ServiceError} `body_too_large`; `malformed_request` if it breaks off; `unsupported_media_type` if it is encoded
 */
export async function readBounded(request: Request): Promise<Uint8Array> {
  const bytes = await readBody(request)
  if (!isPlain(request.headers.get('Content-Encoding') ?? ''))
    throw new ServiceError('unsupported_media_type')
  return bytes
}

/** RFC 9110 section 8.4: codings in the order in which they were applied, in any case; the runtime decodes none. */
function isPlain(contentEncoding: string): boolean {
  if (contentEncoding.length > MAX_CODINGS_LENGTH) return false
  const codings = contentEncoding.split(',').map((coding) => coding.trim().toLowerCase())
  return codings.every((coding) => coding === '' || coding === 'identity')
}

async function readBody(request: Request): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  const stated = request.headers.get('Content-Length')
  if (stated === null) return readChunks(request.body)
  if (Number(stated) > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
  return readWhole(request)
}

/** Where its length is stated HTTP delivers no more (RFC 9112 section 6.3), and the runtime reads it in one go. */
async function readWhole(request: Request): Promise<Uint8Array> {
  const bytes = await request.bytes().catch(() => {
    throw new ServiceError('malformed_request')
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

/** A body that breaks off is its client's doing, no error of the service. */
async function* whileItLasts(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch {
    throw new ServiceError('malformed_request')
  }
}

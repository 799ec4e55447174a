/** Reads whole request bodies, up to the size limit of the service's own API. */
import { ServiceError } from '../errors/service-error.ts'

const MAX_BODY_BYTES = 16_384

/** A longer list of codings is not parsed. */
const MAX_CODINGS_LENGTH = 256

/**
 * Reads the body of a request to the service's own API.
 * @throws {ServiceError} `body_too_large`; `malformed_request` if it is incomplete; `unsupported_media_type` if it is encoded
 */
export async function readBounded(request: Request): Promise<Uint8Array> {
  const bytes = await readBody(request)
  if (!isUnencoded(request.headers.get('Content-Encoding') ?? ''))
    throw new ServiceError('unsupported_media_type')
  return bytes
}

/** RFC 9110 section 8.4: codings are listed in the order of application and are case-insensitive. The runtime decodes none. */
function isUnencoded(contentEncoding: string): boolean {
  if (contentEncoding.length > MAX_CODINGS_LENGTH) return false
  const codings = contentEncoding.split(',').map((coding) => coding.trim().toLowerCase())
  return codings.every((coding) => coding === '' || coding === 'identity')
}

async function readBody(request: Request): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array()
  const statedLength = request.headers.get('Content-Length')
  if (statedLength === null) return readChunks(request.body)
  if (Number(statedLength) > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
  return readWhole(request)
}

/** HTTP delivers no more than the stated length (RFC 9112 section 6.3), so the runtime can read the body at once. */
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
  for await (const chunk of chunksOf(body)) {
    if (length + chunk.length > MAX_BODY_BYTES) throw new ServiceError('body_too_large')
    bytes.set(chunk, length)
    length += chunk.length
  }
  return bytes.slice(0, length)
}

/** An incomplete body is an error of its sender, not of the service. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch {
    throw new ServiceError('malformed_request')
  }
}

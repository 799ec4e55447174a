/** Reads a small document from a server that may be unavailable, slow or hostile. */

/** `fetch`, or a replacement such as another Worker's service binding or a proxy agent. */
export type Fetch = (
  url: string,
  init: {
    readonly headers: Readonly<Record<string, string>>
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<Response>

const TIMEOUT_MS = 3_000
const MAX_BYTES = 65_536

/**
 * Does not follow redirects, so that only the configured address is read.
 * @throws if the status is not 200, the body is longer than 64 KiB, or the whole response takes longer than 3 s
 */
export async function fetchText(url: string, fetch: Fetch): Promise<string> {
  const abort = new AbortController()
  try {
    return await withDeadline(read(url, fetch, abort.signal), TIMEOUT_MS)
  } catch (cause) {
    abort.abort()
    throw new Error(`${url} could not be read`, { cause })
  }
}

async function read(url: string, fetch: Fetch, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { headers: { Accept: 'application/json' }, redirect: 'manual', signal })
  if (response.status === 200) return readText(response)
  throw new Error(`HTTP status ${response.status}`)
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for (const reader = body?.getReader(); reader !== undefined; ) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > MAX_BYTES) throw new Error(`the body is longer than ${MAX_BYTES} bytes`)
    text += decoder.decode(value, { stream: true })
  }
  return text + decoder.decode()
}

/** The work was not finished in time. It may still finish later. */
export class DeadlineExceededError extends Error {
  override readonly name = 'DeadlineExceededError'

  constructor(deadlineMs: number) {
    super(`not finished within ${deadlineMs} ms`)
  }
}

/** @throws {DeadlineExceededError} if the work takes longer than `deadlineMs`, and any error of the work */
export async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const exceeded = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineExceededError(deadlineMs)), deadlineMs)
  })
  try {
    return await Promise.race([work, exceeded])
  } finally {
    clearTimeout(timer)
  }
}

/** Reads a small document from a server that may be down, slow or hostile. */

/** `fetch`, or what stands in for it: another Worker's service binding, a proxy's agent. */
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
 * Follows no redirect: the address is the one that was configured.
 * @throws where the answer is not 200, longer than 64 KiB, or not there in whole within 3 s
 */
export async function fetchText(url: string, fetch: Fetch): Promise<string> {
  const abort = new AbortController()
  try {
    return await within(TIMEOUT_MS, read(url, fetch, abort.signal))
  } catch (error) {
    abort.abort()
    throw new Error(`${url} gave no answer that can be used`, { cause: error })
  }
}

async function read(url: string, fetch: Fetch, signal: AbortSignal): Promise<string> {
  const answer = await fetch(url, { headers: { Accept: 'application/json' }, redirect: 'manual', signal })
  if (answer.status === 200) return readText(answer)
  throw new Error(`status ${answer.status}`)
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for (const reader = body?.getReader(); reader !== undefined; ) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`)
    text += decoder.decode(value, { stream: true })
  }
  return text + decoder.decode()
}

/** @throws where the work has not ended in time; it may go on */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

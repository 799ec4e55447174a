/** Coordinates the tabs of an origin: one at a time talks to the service and publishes the result to the others. */

/**
 * The time limit of a call's requests together. It includes the wait for the lock, so that all calls that are earlier in the
 * lock's queue have ended before one that has waited LOCK_TIMEOUT_MS continues without the lock.
 */
const TIMEOUT_MS = 20_000
/** A frozen tab may never release the lock. Other tabs continue without it once no request of that tab can be pending. */
const LOCK_TIMEOUT_MS = TIMEOUT_MS + 5_000
/** How long a tab that waited for the lock then waits for the message with the other tab's result. */
const MESSAGE_TIMEOUT_MS = 200

/** @param deadline ends the requests of the work */
type Work<T> = (deadline: AbortSignal) => Promise<T>

export class Tabs<Message> {
  readonly #name: string
  readonly #channel: BroadcastChannel | null
  /** Settles when the previous work of this tab has ended. Without Web Locks it is the only exclusion. */
  #previous: Promise<unknown> = Promise.resolve()
  #onMessage: (() => void) | null = null

  /** @param name identifies the service and the origin; null: this tab does not share its session */
  constructor(name: string | null, receive: (message: Message) => void) {
    this.#name = name ?? ''
    this.#channel = name === null || !('BroadcastChannel' in globalThis) ? null : new BroadcastChannel(name)
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      receive(data)
      this.#onMessage?.()
    })
  }

  publish(message: Message): void {
    this.#channel?.postMessage(message)
  }

  /** Runs the work exclusively among all tabs. If another tab was first, its message arrives before the work starts. */
  async exclusively<T>(work: Work<T>): Promise<T> {
    const running = this.#previous.then(() => this.#acrossTabs(work))
    this.#previous = running.catch(() => undefined)
    return running
  }

  async #acrossTabs<T>(work: Work<T>): Promise<T> {
    const deadline = AbortSignal.timeout(TIMEOUT_MS)
    if (this.#channel === null || !('locks' in navigator)) return work(deadline)
    const messageArrived = new Promise<void>((resolve) => {
      this.#onMessage = resolve
    })
    const settled = () => settle(work(deadline))
    const immediate = await this.#lock({ ifAvailable: true }, (lock) =>
      lock === null ? null : settled(),
    ).catch(settled)
    if (immediate !== null) return immediate.result
    const { result } = await this.#lock({ signal: AbortSignal.timeout(LOCK_TIMEOUT_MS) }, async () => {
      await Promise.race([messageArrived, new Promise((resolve) => setTimeout(resolve, MESSAGE_TIMEOUT_MS))])
      return settled()
    }).catch(() => settle(work(AbortSignal.timeout(TIMEOUT_MS))))
    return result
  }

  #lock<T>(options: LockOptions, callback: (lock: Lock | null) => T): Promise<Awaited<T>> {
    return navigator.locks.request(this.#name, options, callback) as Promise<Awaited<T>>
  }
}

/**
 * Wraps the work's result, errors included. A caught error is then one of the lock, for example in a frame without Web
 * Locks.
 */
async function settle<T>(result: Promise<T>): Promise<{ readonly result: Promise<T> }> {
  await result.catch(() => undefined)
  return { result }
}

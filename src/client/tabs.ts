/** The other tabs of this origin: one at a time speaks to the service, and tells the others what it learnt. */
import { TIMEOUT_MS } from './service.ts'

/** A frozen tab may hold the lock for ever: another goes on without it when no call can be under way any more. */
const LOCK_PATIENCE_MS = TIMEOUT_MS + 5_000
/** How long a tab that had to wait for another one's answer gives that answer's message to arrive. */
const MESSAGE_PATIENCE_MS = 200

export class Tabs<Message> {
  readonly #name: string
  readonly #channel: BroadcastChannel | null
  /** Ends when the work before has: where the browser has no Web Locks, only this tab's. */
  #last: Promise<unknown> = Promise.resolve()
  #arrived: (() => void) | null = null

  /** @param name of this service and origin; null: this tab keeps to itself */
  constructor(name: string | null, receive: (message: Message) => void) {
    this.#name = name ?? ''
    this.#channel = name === null || !('BroadcastChannel' in globalThis) ? null : new BroadcastChannel(name)
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      receive(data)
      this.#arrived?.()
    })
  }

  tell(message: Message): void {
    this.#channel?.postMessage(message)
  }

  /** Runs while no other work does, in any tab; after another tab's, what that tab told has arrived. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last
    const running = before.then(() => this.#amongTabs(work))
    this.#last = running.catch(() => undefined)
    return running
  }

  async #amongTabs<T>(work: () => Promise<T>): Promise<T> {
    if (this.#channel === null || !('locks' in navigator)) return work()
    const arrived = new Promise<void>((resolve) => {
      this.#arrived = resolve
    })
    const alone = () => run(work)
    const atOnce = await this.#lock({ ifAvailable: true }, (lock) => (lock === null ? null : alone())).catch(
      alone,
    )
    if (atOnce !== null) return atOnce.result
    const { result } = await this.#lock({ signal: AbortSignal.timeout(LOCK_PATIENCE_MS) }, async () => {
      await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, MESSAGE_PATIENCE_MS))])
      return alone()
    }).catch(alone)
    return result
  }

  #lock<T>(options: LockOptions, held: (lock: Lock | null) => T): Promise<Awaited<T>> {
    return navigator.locks.request(this.#name, options, held) as Promise<Awaited<T>>
  }
}

/** What the work comes to, faults too: what is caught of a lock is then the lock's own, such as a frame's that may have none. */
async function run<T>(work: () => Promise<T>): Promise<{ readonly result: Promise<T> }> {
  const result = work()
  await result.catch(() => undefined)
  return { result }
}

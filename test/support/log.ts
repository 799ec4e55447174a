/** The log, captured instead of printed. */
import { afterEach, beforeEach, vi } from 'vitest'

const LEVELS = ['log', 'debug', 'info', 'warn', 'error'] as const

/** Each line of the log since the test began. */
export const lines: string[] = []

export function captureLog(): void {
  beforeEach(() => {
    clearLog()
    for (const level of LEVELS) {
      vi.spyOn(console, level).mockImplementation(
        (...parts: unknown[]) => void lines.push(parts.map(String).join(' ')),
      )
    }
  })
  afterEach(() => void vi.restoreAllMocks())
}

export function clearLog(): void {
  lines.length = 0
}

/** The lines of requests, parsed. */
export const requests = () => lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'request')

/** The line of the request that was made last. */
export const lastRequest = () => requests().at(-1)

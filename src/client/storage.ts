/** Where the refresh token lives between page loads. The access token is kept in memory, always. */

/** A place that all tabs of the origin share. */
export interface TokenStorage {
  /** @returns the refresh token; null for none */
  readonly get: () => string | null | Promise<string | null>
  /** @param refreshToken null forgets it */
  readonly set: (refreshToken: string | null) => void | Promise<void>
}

/**
 * - `cookie`: for pages of the service's own site (app.example.com with auth.example.com). No script reads it, an attacker's
 *   neither; browsers block it elsewhere.
 * - `localStorage`: for pages of any site. An attacker who gets a script into the page can take the session away. Where the
 *   browser refuses it, the session lasts as long as the page.
 * - one of your own.
 */
export type StorageChoice = 'cookie' | 'localStorage' | TokenStorage

/** @returns null for the cookie, which only the service sees */
export function openStorage(choice: StorageChoice, name: string): TokenStorage | null {
  if (choice === 'cookie') return null
  if (choice !== 'localStorage') return choice
  return new BrowserStorage(name)
}

/** Where the browser refuses it, in some frames, where all site data is blocked or it is full, the session lasts as long as the page. */
class BrowserStorage implements TokenStorage {
  readonly #name: string
  /** What could not be stored. */
  #kept: string | null = null

  constructor(name: string) {
    this.#name = name
  }

  get(): string | null {
    try {
      return this.#kept ?? localStorage.getItem(this.#name)
    } catch {
      return null
    }
  }

  set(token: string | null): void {
    this.#kept = null
    try {
      if (token === null) localStorage.removeItem(this.#name)
      else localStorage.setItem(this.#name, token)
    } catch {
      this.#kept = token
    }
  }
}

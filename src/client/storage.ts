/** Where the refresh token is stored between page loads. The access token is only ever in memory. */

/** A storage that all tabs of the origin share. */
export interface TokenStorage {
  /** @returns the refresh token, or null */
  readonly get: () => string | null | Promise<string | null>
  /** @param refreshToken null removes it */
  readonly set: (refreshToken: string | null) => void | Promise<void>
}

/**
 * - `cookie`: for pages of the service's own site (app.example.com with auth.example.com). No script can read it, not even an
 *   attacker's. Browsers block it on other sites.
 * - `localStorage`: for pages of any site. An attacker's script in the page can steal the session. If the browser refuses
 *   access to it, the session lasts as long as the page.
 * - your own implementation.
 */
export type StorageChoice = 'cookie' | 'localStorage' | TokenStorage

/** @returns null for the cookie, which scripts cannot read */
export function openStorage(choice: StorageChoice, name: string): TokenStorage | null {
  if (choice === 'cookie') return null
  if (choice !== 'localStorage') return choice
  return new BrowserStorage(name)
}

/**
 * If the browser refuses access (in some frames, or if site data is blocked) or the storage is full, the session lasts as
 * long as the page.
 */
class BrowserStorage implements TokenStorage {
  readonly #name: string
  /** The token that could not be stored. */
  #unstored: string | null = null

  constructor(name: string) {
    this.#name = name
  }

  get(): string | null {
    try {
      return this.#unstored ?? localStorage.getItem(this.#name)
    } catch {
      return null
    }
  }

  set(token: string | null): void {
    this.#unstored = null
    try {
      if (token === null) localStorage.removeItem(this.#name)
      else localStorage.setItem(this.#name, token)
    } catch {
      this.#unstored = token
    }
  }
}

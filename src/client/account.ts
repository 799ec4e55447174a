/** Requests about the account and its sessions. Each contains the solution of a challenge if the service requires one. */
import type { Solution } from './challenge.ts'
import { GatehouseError, isLostResponse, isStored } from './errors.ts'
import { type Service, withRetries } from './service.ts'
import type { TabSession } from './session.ts'
import type { Session, TokenResponse, User } from './wire.ts'

export interface Confirmation {
  readonly current_password: string
}

export interface PasswordChange extends Confirmation {
  readonly new_password: string
}

type Identifier = 'username' | 'email' | 'phone'
type ProfileField = 'name' | 'picture' | 'locale' | 'zoneinfo'

/**
 * Null clears a field, and one that is missing stays as it is. A change of identifiers needs the password, and at least one
 * identifier must remain.
 */
export type ProfileChange = { readonly [Field in ProfileField]?: string | null } & (
  | { readonly [Kind in Identifier]?: never }
  | ({ readonly [Kind in Identifier]?: string | null } & Confirmation)
)

export class Account {
  readonly #service: Service
  readonly #session: TabSession

  constructor(service: Service, session: TabSession) {
    this.#service = service
    this.#session = session
  }

  updateProfile(fields: ProfileChange & Solution): Promise<User> {
    const send = (accessToken: string) => this.#service.updateProfile(accessToken, fields)
    return this.#session.request(send, (user) => user)
  }

  /** @returns a function that changes the password, to be called until it needs no further challenge */
  passwordChange({ current_password, new_password }: PasswordChange): (solution: Solution) => Promise<void> {
    let password = current_password
    let isLost = false
    const send = async (accessToken: string, solution: Solution): Promise<TokenResponse> => {
      try {
        const body = { current_password: password, new_password, ...solution }
        return await this.#service.changePassword(accessToken, body)
      } catch (error) {
        isLost ||= isLostResponse(error)
        const isRefused = error instanceof GatehouseError && error.code === 'invalid_credentials'
        if (!isLost || !isRefused || password === new_password) throw error
        // A request whose response was lost may have changed the password.
        password = new_password
        return send(accessToken, {})
      }
    }
    return async (solution) => {
      const sendRepeatedly = (accessToken: string) => withRetries(() => send(accessToken, solution))
      await this.#session.request(sendRepeatedly, (tokens) => tokens)
    }
  }

  async sessions(): Promise<readonly Session[]> {
    const send = (accessToken: string) => this.#service.sessions(accessToken)
    const { sessions } = await this.#session.request(send, () => undefined)
    return sessions
  }

  async endSession(id: string, fields: Partial<Confirmation> & Solution): Promise<void> {
    await this.#session.request(
      (accessToken) => this.#delete(accessToken, `/auth/sessions/${encodeURIComponent(id)}`, fields),
      (_response, accessToken) => (sessionIdOf(accessToken) === id ? null : undefined),
    )
  }

  async endOtherSessions(fields: Partial<Confirmation> & Solution): Promise<void> {
    await this.#session.request(
      (accessToken) => this.#delete(accessToken, '/auth/sessions?except=current', fields),
      () => undefined,
    )
  }

  async deleteAccount(fields: Confirmation & Solution): Promise<void> {
    await this.#session.request(
      (accessToken) => this.#delete(accessToken, '/auth/me', fields),
      () => null,
    )
  }

  async #delete(accessToken: string, path: string, fields: object): Promise<void> {
    try {
      await this.#service.sendAuthorized(accessToken, 'DELETE', path, fields)
    } catch (error) {
      if (!isStored(error)) throw error
    }
  }
}

function sessionIdOf(accessToken: string): string {
  const [, payload = ''] = accessToken.split('.')
  return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))).sid
}

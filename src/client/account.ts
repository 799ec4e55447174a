/** Requests about the account and its sessions. Each contains the solution of a challenge if the service requires one. */
import type { Solution } from './challenge.ts'
import { GatehouseError, isLostResponse, isStored } from './errors.ts'
import type { Service } from './service.ts'
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
  readonly #session: TabSession

  constructor(session: TabSession) {
    this.#session = session
  }

  updateProfile(fields: ProfileChange & Solution): Promise<User> {
    return this.#session.request(
      (service, accessToken) => service.updateProfile(accessToken, fields),
      (user) => user,
    )
  }

  /** @returns a function that changes the password, to be called until it needs no further challenge */
  passwordChange({ current_password, new_password }: PasswordChange): (solution: Solution) => Promise<void> {
    let password = current_password
    let isLost = false
    const send = async (
      service: Service,
      accessToken: string,
      solution: Solution,
    ): Promise<TokenResponse> => {
      try {
        const body = { current_password: password, new_password, ...solution }
        return await service.changePassword(accessToken, body)
      } catch (error) {
        isLost ||= isLostResponse(error)
        const isRefused = error instanceof GatehouseError && error.code === 'invalid_credentials'
        if (!isLost || !isRefused || password === new_password) throw error
        // A request whose response was lost may have changed the password.
        password = new_password
        return send(service, accessToken, {})
      }
    }
    return async (solution) => {
      await this.#session.request(
        (service, accessToken) => service.withRetries(() => send(service, accessToken, solution)),
        (tokens) => tokens,
      )
    }
  }

  async sessions(): Promise<readonly Session[]> {
    const { sessions } = await this.#session.request(
      (service, accessToken) => service.sessions(accessToken),
      () => undefined,
    )
    return sessions
  }

  async endSession(id: string, fields: Partial<Confirmation> & Solution): Promise<void> {
    await this.#session.request(
      (service, accessToken) =>
        deleteAt(service, accessToken, `/auth/sessions/${encodeURIComponent(id)}`, fields),
      (_response, accessToken) => (sessionIdOf(accessToken) === id ? null : undefined),
    )
  }

  async endOtherSessions(fields: Partial<Confirmation> & Solution): Promise<void> {
    await this.#session.request(
      (service, accessToken) => deleteAt(service, accessToken, '/auth/sessions?except=current', fields),
      () => undefined,
    )
  }

  async deleteAccount(fields: Confirmation & Solution): Promise<void> {
    await this.#session.request(
      (service, accessToken) => deleteAt(service, accessToken, '/auth/me', fields),
      () => null,
    )
  }
}

async function deleteAt(service: Service, accessToken: string, path: string, fields: object): Promise<void> {
  try {
    await service.sendAuthorized(accessToken, 'DELETE', path, fields)
  } catch (error) {
    if (!isStored(error)) throw error
  }
}

function sessionIdOf(accessToken: string): string {
  const [, payload = ''] = accessToken.split('.')
  return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))).sid
}

/** What the pages say, in every language alike. */
import type { IdentifierKind } from '../accounts/account.ts'
import type { ErrorCode } from '../errors/service-error.ts'

export interface Messages {
  /** Between sentences. */
  readonly space: string
  readonly logIn: string
  readonly register: string
  readonly logOut: string
  readonly account: string
  readonly noAccount: string
  readonly haveAccount: string
  readonly identifier: string
  readonly identifierHint: string
  readonly password: string
  readonly currentPassword: string
  readonly newPassword: string
  readonly passwordHint: (minLength: number) => string
  readonly show: string
  readonly hide: string
  readonly required: string
  readonly identifiers: Readonly<Record<IdentifierKind, string>>
  /** What is wrong with an identifier. */
  readonly invalid: Readonly<Record<IdentifierKind, string>>
  /** Of digits in the one field for every identifier: they are no username, and no phone number. */
  readonly invalidDigits: string
  readonly reserved: string
  readonly taken: Readonly<Record<IdentifierKind, string>>
  readonly wrongPassword: string
  readonly oneIsLeft: string
  readonly reasons: Readonly<Record<string, string>>
  readonly profile: string
  readonly profileHint: string
  readonly save: string
  readonly changePassword: string
  readonly changePasswordHint: string
  readonly sessions: string
  readonly currentSession: string
  readonly unknownBrowser: string
  readonly browserOn: (browser: string, system: string) => string
  readonly lastUsed: string
  readonly since: string
  readonly end: string
  /** The button's name for those who hear it alone. */
  readonly endOf: (browser: string) => string
  readonly endAll: string
  readonly endOthers: string
  /** Beside the password, where the login is too old to do without. */
  readonly passwordNeeded: string
  readonly place: (city: string, country: string) => string
  readonly deleteAccount: string
  readonly deleteOpen: string
  readonly deleteHint: string
  readonly challenge: string
  readonly challengeNeedsScript: string
  readonly challengeFailed: string
  readonly challengeWait: string
  readonly loggedInAs: (name: string) => string
  /** For a form of a tab in which somebody else was logged in. */
  readonly otherAccount: (name: string) => string
  readonly continueTo: (host: string) => string
  readonly anotherAccount: string
  readonly tryAgainIn: (minutes: number) => string
  readonly back: string
  readonly errorCode: string
  readonly httpStatus: string
  readonly requestId: string
  readonly mistakes: string
  readonly noCookie: string
  /** A change that is stored, though not all was done that follows from it. */
  readonly changedAnyway: string
  readonly done: Readonly<Record<Done, string>>
  /** An error by its title and what it means, for people. */
  readonly errors: Readonly<Record<ErrorCode, readonly [title: string, detail: string]>>
  /** In place of an error's own messages, which speak to developers. */
  readonly onForms: Readonly<Partial<Record<ErrorCode, string>>>
}

/** What a page may say after it has sent the browser on. */
export const DONE = [
  'registered',
  'profile',
  'password',
  'session',
  'other_sessions',
  'sessions',
  'logged_out',
  'ended',
  'deleted',
] as const
export type Done = (typeof DONE)[number]

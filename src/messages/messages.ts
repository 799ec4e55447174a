/** The texts of the pages. Each language provides all of them. */
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
  /** How to correct an invalid identifier. */
  readonly invalid: Readonly<Record<IdentifierKind, string>>
  /** Shown for digits in the field that takes any identifier: they are neither a username nor a phone number. */
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
  /** The accessible name of a button of the session list, which has to make sense without its row. */
  readonly endOf: (browser: string) => string
  readonly endAll: string
  readonly endOthers: string
  /** The hint of the password field, shown if the login is too old to end a session without the password. */
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
  /** Shown if a form was opened under another account than the one that is logged in now. */
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
  /** Shown if a change is stored but a step after it failed. */
  readonly changedAnyway: string
  readonly done: Readonly<Record<Done, string>>
  /** The title and the meaning of each error, for users. */
  readonly errors: Readonly<Record<ErrorCode, readonly [title: string, detail: string]>>
  /** Replacements for the texts of errors, which are written for developers. */
  readonly onForms: Readonly<Partial<Record<ErrorCode, string>>>
}

/** Messages that a page may show after a redirect. */
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

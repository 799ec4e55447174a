/** The texts of the pages. Each language provides all of them. */
import type { IdentifierKind, ProfileFields } from '../accounts/account.ts'
import { ERRORS, type ErrorCode } from '../errors/codes.ts'
import type { Language } from './languages.ts'

/** A text with a placeholder such as `{name}` for each of the names. */
export type Text<Names extends string> = UnionToIntersection<
  Names extends string ? `${string}{${Names}}${string}` : never
>

type UnionToIntersection<U> = (U extends string ? (u: U) => void : never) extends (i: infer I) => void
  ? I & string
  : never

/** The forms of a text that contains `{count}`. Each language has the forms that `Intl.PluralRules` tells apart. */
export type Plural<Form extends Intl.LDMLPluralRule = Intl.LDMLPluralRule> = Readonly<
  Record<Exclude<Form, 'other'>, string> & { other: Text<'count'> }
>

export type ErrorTexts = Readonly<Record<ErrorCode, readonly [title: string, detail: string]>>

/** The texts of a language whose plurals have these forms. */
export interface Messages<Form extends Intl.LDMLPluralRule = never> {
  readonly language: Language
  readonly sentenceSeparator: string
  readonly logIn: string
  readonly register: string
  readonly logOut: string
  readonly loginLead: Text<'service'>
  readonly loginLeadTo: Text<'host'>
  readonly registerLead: Text<'service'>
  readonly registerLeadTo: Text<'host'>
  readonly registrationClosed: string
  readonly registrationClosedHint: string
  /** The name of the navigation of the account's sections. */
  readonly accountNavigation: string
  readonly accountSections: Readonly<Record<'profile' | 'security' | 'devices' | 'deletion', string>>
  readonly terms: string
  readonly privacy: string
  readonly support: string
  readonly cancel: string
  readonly noAccount: string
  readonly haveAccount: string
  readonly identifier: string
  /** The label of a field for two kinds of identifier. */
  readonly identifierOr: Text<'first' | 'second'>
  readonly identifierHint: string
  readonly password: string
  readonly currentPassword: string
  readonly newPassword: string
  readonly passwordHint: Text<'minLength'>
  readonly showPassword: string
  readonly hidePassword: string
  readonly fieldRequired: string
  readonly identifierLabels: Readonly<Record<IdentifierKind, string>>
  /** How to correct an invalid identifier. */
  readonly invalidIdentifier: Readonly<Record<IdentifierKind, string>>
  /** Shown for digits in the field that takes any identifier: they are neither a username nor a phone number. */
  readonly invalidDigits: string
  readonly usernameReserved: string
  readonly identifierTaken: Readonly<Record<IdentifierKind, string>>
  readonly incorrectPassword: string
  /** Shown if a change would remove the last identifier. */
  readonly identifierRequired: string
  readonly weakPasswordReasons: Readonly<Record<string, string>>
  /** How strong a new password is that the policy does not reject. */
  readonly passwordStrength: Readonly<Record<'weak' | 'fair' | 'good' | 'strong', string>>
  readonly details: string
  readonly detailsHint: string
  readonly profileLabels: Readonly<Record<keyof ProfileFields, string>>
  readonly pictureHint: string
  readonly invalidDetails: Readonly<Record<keyof ProfileFields, string>>
  readonly identifiers: string
  readonly identifiersHint: string
  /** Shown for an identifier that the account does not have. */
  readonly notSet: string
  readonly changeIdentifiers: string
  readonly save: string
  readonly changePassword: string
  readonly changePasswordHint: string
  readonly sessions: string
  readonly currentSession: string
  readonly unknownBrowser: string
  readonly browserOn: Text<'browser' | 'system'>
  readonly lastUsed: string
  readonly loggedInSince: string
  /** The button of each session in the list. */
  readonly endSession: string
  /** The accessible name of that button, which has to make sense without its row. */
  readonly endSessionOf: Text<'browser'>
  readonly endAllSessions: string
  readonly endOtherSessions: string
  /** The hint of the password field, shown if the login is too old to end a session without the password. */
  readonly passwordRequired: string
  readonly location: Text<'city' | 'country'>
  readonly deleteAccount: string
  readonly deleteHint: string
  readonly challenge: string
  readonly challengeNeedsScript: string
  readonly challengeNotLoaded: string
  readonly challengePending: string
  readonly loggedInAs: Text<'name'>
  readonly continueAs: Text<'name'>
  /** Shown if a form was opened under another account than the one that is logged in now. */
  readonly accountSwitched: Text<'name'>
  readonly continueTo: Text<'host'>
  readonly useOtherAccount: string
  /** In minutes. */
  readonly tryAgainIn: Plural<Form>
  /** While a page counts down, with the time in minutes and seconds. */
  readonly tryAgainAfter: Text<'time'>
  readonly tryAgainNow: string
  readonly goToAccount: string
  readonly errorCode: string
  readonly errorCause: string
  readonly errorRemedy: string
  readonly httpStatus: string
  readonly requestId: string
  readonly correctFields: string
  /** Shown if the network lost a form or its response. */
  readonly sendFailed: string
  readonly cookiesBlocked: string
  /** Shown if a change is stored but a step after it failed. */
  readonly changeIncomplete: string
  /** Shown to a person who has just registered. */
  readonly welcome: string
  readonly notices: Readonly<Record<Notice, string>>
  /** The title and the meaning of each error, for users. */
  readonly errors: ErrorTexts
  /** Replacements for the texts of errors, which are written for developers. */
  readonly formErrorTexts: Readonly<Partial<Record<ErrorCode, string>>>
}

/** @returns the texts of the API */
export function englishErrors(): ErrorTexts {
  const texts = Object.entries(ERRORS).map(([code, { title, detail }]) => [code, [title, detail]] as const)
  return Object.fromEntries(texts) as ErrorTexts
}

/** @returns the text with each placeholder replaced by its value, once: a value is never searched for placeholders */
export function fill<Values extends Readonly<Record<string, string | number>>>(
  text: Text<keyof Values & string>,
  values: Values,
): string {
  return text.replace(/\{(\w+)\}/g, (placeholder, name) => String(values[name] ?? placeholder))
}

/** @returns the form of the text for this number, with the number written as the language writes it */
export function plural(forms: Plural<never>, count: number, { language }: Messages): string {
  const form: Intl.LDMLPluralRule = new Intl.PluralRules(language).select(count)
  const texts: Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> = forms
  return (texts[form] ?? forms.other).replace('{count}', count.toLocaleString(language))
}

/** Messages that a page may show after a redirect. */
export const NOTICES = [
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
export type Notice = (typeof NOTICES)[number]

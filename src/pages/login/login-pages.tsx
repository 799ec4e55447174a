/** The pages for login and registration. */

import { IDENTIFIER_KINDS, type IdentifierKind } from '../../accounts/account.ts'
import type { Challenge } from '../../challenge/challenge.ts'
import { fill } from '../../messages/messages.ts'
import { Button, ButtonLink } from '../components/buttons.tsx'
import { Alert, Avatar, EmptyState, Toast } from '../components/feedback.tsx'
import { ChallengeBox, NewPasswordField, PasswordField, TextField } from '../components/fields.tsx'
import { type LoginQuery, withLoginQuery } from '../form.ts'
import type { FormErrors } from '../form-errors.ts'
import { underAuthPath } from '../page-cookie.ts'
import type { View } from '../view.ts'

interface FormProps {
  readonly view: View
  readonly errors: FormErrors | null
  /** The challenge that the next attempt needs. */
  readonly challenge: Challenge | null
  readonly query: LoginQuery
}

interface LoginProps extends FormProps {
  /** The value of the rejected form, which it shows again, or a hint from the app. */
  readonly identifier: string
  readonly status: string | undefined
  readonly registrationOpen: boolean
}

/** A phone that fills in an address also looks for a password under it, so one field for all kinds is a username. */
const INPUTS = {
  identifier: { type: 'text', autocomplete: 'username' },
  username: { type: 'text', autocomplete: 'username' },
  email: { type: 'email', autocomplete: 'email' },
  phone: { type: 'tel', autocomplete: 'tel' },
} as const

/** Names the kinds of identifier that registration asks for. */
function identifierLabel({ messages, pages }: View): string {
  const kinds = pages.identifiers ?? IDENTIFIER_KINDS
  const [first, second, third] = IDENTIFIER_KINDS.filter((kind) => kinds.includes(kind))
  if (first === undefined || third !== undefined) return messages.identifier
  if (second === undefined) return messages.identifierLabels[first]
  return fill(messages.identifierOr, {
    first: messages.identifierLabels[first],
    second: messages.identifierLabels[second],
  })
}

export function LoginPage(props: LoginProps) {
  const { view, errors, challenge, identifier, query, status, registrationOpen } = props
  const { messages } = view
  const path = withLoginQuery('/login', query)
  return (
    <>
      <Toast text={status} />
      <Alert errors={errors} />
      <form method="post" action={path}>
        <TextField
          form="login"
          name="identifier"
          label={identifierLabel(view)}
          value={identifier}
          autocomplete="username"
          required
          errors={errors}
          initialFocus={identifier === ''}
        />
        <PasswordField
          view={view}
          form="login"
          name="password"
          label={messages.password}
          errors={errors}
          initialFocus={identifier !== ''}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <Button wide formaction={underAuthPath(path)}>
          {messages.logIn}
        </Button>
      </form>
      {registrationOpen && (
        <p class="aside">
          {messages.noAccount}
          {messages.sentenceSeparator}
          <a href={withLoginQuery('/register', query)}>{messages.register}</a>
        </p>
      )}
    </>
  )
}

/** A kind of identifier, or one field for all kinds. */
export type IdentifierField = IdentifierKind | 'identifier'

interface RegisterProps extends FormProps {
  readonly fields: readonly IdentifierField[]
  /** What the fields show, by their names. */
  readonly typed: Readonly<Record<string, string>>
  readonly minLength: number
}

export function RegisterPage(props: RegisterProps) {
  const { view, errors, challenge, fields, typed, query, minLength } = props
  const { messages } = view
  const path = withLoginQuery('/register', query)
  return (
    <>
      <Alert errors={errors} />
      <form method="post" action={path}>
        {fields.map((field, index) => (
          <TextField
            form="register"
            name={field}
            label={field === 'identifier' ? messages.identifier : messages.identifierLabels[field]}
            hint={field === 'identifier' || field === 'phone' ? messages.identifierHint : undefined}
            value={typed[field]}
            required
            check={field}
            checkTexts={messages.invalidIdentifier}
            errors={errors}
            initialFocus={index === 0}
            {...INPUTS[field]}
          />
        ))}
        <NewPasswordField
          view={view}
          form="register"
          name="password"
          label={messages.password}
          minLength={minLength}
          errors={errors}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <Button wide formaction={underAuthPath(path)}>
          {messages.register}
        </Button>
      </form>
      <p class="aside">
        {messages.haveAccount}
        {messages.sentenceSeparator}
        <a href={withLoginQuery('/login', query)}>{messages.logIn}</a>
      </p>
    </>
  )
}

/** Instead of the form, so that a person learns it before typing. */
export function RegistrationClosedPage({
  view,
  errors,
  query,
}: Pick<FormProps, 'view' | 'errors' | 'query'>) {
  const { messages } = view
  return (
    <>
      <Alert errors={errors} />
      <EmptyState icon="lock" title={messages.registrationClosed}>
        <p>{messages.registrationClosedHint}</p>
      </EmptyState>
      <ButtonLink wide href={withLoginQuery('/login', query)}>
        {messages.logIn}
      </ButtonLink>
    </>
  )
}

interface ContinueProps {
  readonly view: View
  readonly name: string
  readonly query: LoginQuery
  readonly status: string | undefined
}

/**
 * For a browser that is logged in already. Except right after a login, it continues only when the user presses the
 * button: otherwise an app and this page could redirect the browser in a loop.
 */
export function ContinuePage({ view, name, query, status }: ContinueProps) {
  const { messages } = view
  const continuePath = withLoginQuery('/login/continue', query)
  const logOutPath = withLoginQuery('/logout', query)
  return (
    <>
      <Toast text={status} />
      <form method="post" action={continuePath}>
        <Button wide formaction={underAuthPath(continuePath)}>
          <Avatar name={name} /> {fill(messages.continueAs, { name })}
        </Button>
      </form>
      <form method="post" action={logOutPath} class="aside">
        <Button kind="quiet" wide formaction={underAuthPath(logOutPath)}>
          {messages.useOtherAccount}
        </Button>
      </form>
    </>
  )
}

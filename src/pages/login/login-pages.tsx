/** The pages for login and registration. */

import type { Challenge } from '../../challenge/challenge.ts'
import { fill } from '../../messages/messages.ts'
import { Alert, ChallengeBox, Field, PasswordField, Status } from '../components/fields.tsx'
import { type LoginQuery, withLoginQuery } from '../form.ts'
import type { FormErrors } from '../form-errors.ts'
import { underAuthPath } from '../page-cookie.ts'
import type { View } from '../view.ts'

interface LoginProps {
  readonly view: View
  readonly errors: FormErrors | null
  /** The challenge that the next attempt needs. */
  readonly challenge: Challenge | null
  /** The value of the rejected form, which it shows again. */
  readonly identifier: string
  readonly query: LoginQuery
  readonly status?: string | undefined
}

export function LoginPage({ view, errors, challenge, identifier, query, status }: LoginProps) {
  const { messages } = view
  const path = withLoginQuery('/login', query)
  return (
    <>
      <Status text={status} />
      <Alert errors={errors} />
      <form method="post" action={path}>
        <Field
          form="login"
          name="identifier"
          label={messages.identifier}
          value={identifier}
          autocomplete="username"
          required
          errors={errors}
          initialFocus
        />
        <PasswordField view={view} form="login" name="password" label={messages.password} errors={errors} />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit" formaction={underAuthPath(path)}>
          {messages.logIn}
        </button>
      </form>
      <p>
        {messages.noAccount}
        {messages.sentenceSeparator}
        <a href={withLoginQuery('/register', query)}>{messages.register}</a>
      </p>
    </>
  )
}

export function RegisterPage({
  view,
  errors,
  challenge,
  identifier,
  query,
  minLength,
}: LoginProps & { readonly minLength: number }) {
  const { messages } = view
  const path = withLoginQuery('/register', query)
  return (
    <>
      <Alert errors={errors} />
      <form method="post" action={path}>
        <Field
          form="register"
          name="identifier"
          label={messages.identifier}
          hint={messages.identifierHint}
          value={identifier}
          autocomplete="username"
          required
          errors={errors}
          initialFocus
        />
        <PasswordField
          view={view}
          form="register"
          name="password"
          label={messages.password}
          hint={fill(messages.passwordHint, { minLength })}
          isNew
          errors={errors}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit" formaction={underAuthPath(path)}>
          {messages.register}
        </button>
      </form>
      <p>
        {messages.haveAccount}
        {messages.sentenceSeparator}
        <a href={withLoginQuery('/login', query)}>{messages.logIn}</a>
      </p>
    </>
  )
}

/**
 * For a browser that is logged in already. Except right after a login, it continues only when the user presses the
 * button: otherwise an app and this page could redirect the browser in a loop.
 */
export function ContinuePage({
  view,
  name,
  query,
}: {
  view: View
  name: string
  query: LoginQuery & { returnTo: string }
}) {
  const { messages } = view
  const continuePath = withLoginQuery('/login/continue', query)
  const logOutPath = withLoginQuery('/logout', query)
  return (
    <>
      <p>{fill(messages.loggedInAs, { name })}</p>
      <form method="post" action={continuePath}>
        <button type="submit" formaction={underAuthPath(continuePath)}>
          {fill(messages.continueTo, { host: new URL(query.returnTo).host })}
        </button>
      </form>
      <form method="post" action={logOutPath}>
        <button type="submit" class="quiet" formaction={underAuthPath(logOutPath)}>
          {messages.useOtherAccount}
        </button>
      </form>
    </>
  )
}

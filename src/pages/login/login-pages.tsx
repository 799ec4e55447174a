/** Log in and register. */
import type { Challenge } from '../../challenge/challenge.ts'
import { Alert, ChallengeBox, Field, PasswordField, Status } from '../components/fields.tsx'
import type { Failure } from '../form-errors.ts'
import type { View } from '../layout.tsx'
import { belowAuth } from '../page-cookie.ts'
import { withReturnTo } from './return-to.ts'

interface LoginProps {
  readonly view: View
  readonly failure: Failure | null
  /** One that the next attempt needs. */
  readonly challenge: Challenge | null
  /** What was typed before. */
  readonly identifier: string
  readonly returnTo: string | null
  readonly status?: string | undefined
}

export function LoginPage({ view, failure, challenge, identifier, returnTo, status }: LoginProps) {
  const { messages } = view
  const path = withReturnTo('/login', returnTo)
  return (
    <>
      <Status text={status} />
      <Alert failure={failure} />
      <form method="post" action={path}>
        <Field
          form="login"
          name="identifier"
          label={messages.identifier}
          value={identifier}
          autocomplete="username"
          required
          failure={failure}
          first
        />
        <PasswordField view={view} form="login" name="password" label={messages.password} failure={failure} />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit" formaction={belowAuth(path)}>
          {messages.logIn}
        </button>
      </form>
      <p>
        {messages.noAccount}
        {messages.space}
        <a href={withReturnTo('/register', returnTo)}>{messages.register}</a>
      </p>
    </>
  )
}

export function RegisterPage({
  view,
  failure,
  challenge,
  identifier,
  returnTo,
  minLength,
}: LoginProps & { readonly minLength: number }) {
  const { messages } = view
  const path = withReturnTo('/register', returnTo)
  return (
    <>
      <Alert failure={failure} />
      <form method="post" action={path}>
        <Field
          form="register"
          name="identifier"
          label={messages.identifier}
          hint={messages.identifierHint}
          value={identifier}
          autocomplete="username"
          required
          failure={failure}
          first
        />
        <PasswordField
          view={view}
          form="register"
          name="password"
          label={messages.password}
          hint={messages.passwordHint(minLength)}
          isNew
          failure={failure}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit" formaction={belowAuth(path)}>
          {messages.register}
        </button>
      </form>
      <p>
        {messages.haveAccount}
        {messages.space}
        <a href={withReturnTo('/login', returnTo)}>{messages.logIn}</a>
      </p>
    </>
  )
}

/** Where somebody is logged in already: nothing goes on by itself, so that no app and this page send a browser in circles. */
export function ContinuePage({ view, name, returnTo }: { view: View; name: string; returnTo: string }) {
  const { messages } = view
  const goOn = withReturnTo('/login/continue', returnTo)
  const leave = withReturnTo('/logout', returnTo)
  return (
    <>
      <p>{messages.loggedInAs(name)}</p>
      <form method="post" action={goOn}>
        <button type="submit" formaction={belowAuth(goOn)}>
          {messages.continueTo(new URL(returnTo).host)}
        </button>
      </form>
      <form method="post" action={leave}>
        <button type="submit" class="quiet" formaction={belowAuth(leave)}>
          {messages.anotherAccount}
        </button>
      </form>
    </>
  )
}

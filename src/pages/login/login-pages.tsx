/** Log in and register. */
import type { Challenge } from '../../challenge/challenge.ts'
import { Alert, ChallengeBox, Field, PasswordField, Status } from '../components/fields.tsx'
import type { Failure } from '../form-errors.ts'
import type { View } from '../layout.tsx'
import { belowAuth } from '../page-cookie.ts'
import { withReturnTo } from './return-to.ts'

interface EnterProps {
  readonly view: View
  readonly failure: Failure | null
  /** One that the next attempt needs. */
  readonly challenge: Challenge | null
  /** What was typed before. */
  readonly identifier: string
  readonly returnTo: string | null
  readonly status?: string | undefined
}

export function LogInPage({ view, failure, challenge, identifier, returnTo, status }: EnterProps) {
  const { words } = view
  const path = withReturnTo('/login', returnTo)
  return (
    <>
      <Status text={status} />
      <Alert failure={failure} />
      <form method="post" action={path}>
        <Field
          form="login"
          name="identifier"
          label={words.identifier}
          value={identifier}
          autocomplete="username"
          required
          failure={failure}
          first
        />
        <PasswordField view={view} form="login" name="password" label={words.password} failure={failure} />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit" formaction={belowAuth(path)}>
          {words.logIn}
        </button>
      </form>
      <p>
        {words.noAccount}
        {words.space}
        <a href={withReturnTo('/register', returnTo)}>{words.register}</a>
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
}: EnterProps & { readonly minLength: number }) {
  const { words } = view
  const path = withReturnTo('/register', returnTo)
  return (
    <>
      <Alert failure={failure} />
      <form method="post" action={path}>
        <Field
          form="register"
          name="identifier"
          label={words.identifier}
          hint={words.identifierHint}
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
          label={words.password}
          hint={words.passwordHint(minLength)}
          isNew
          failure={failure}
        />
        <ChallengeBox view={view} challenge={challenge} />
        <button type="submit" formaction={belowAuth(path)}>
          {words.register}
        </button>
      </form>
      <p>
        {words.haveAccount}
        {words.space}
        <a href={withReturnTo('/login', returnTo)}>{words.logIn}</a>
      </p>
    </>
  )
}

/** Where somebody is logged in already: nothing goes on by itself, so that no app and this page send a browser in circles. */
export function ContinuePage({ view, name, returnTo }: { view: View; name: string; returnTo: string }) {
  const { words } = view
  const goOn = withReturnTo('/login/continue', returnTo)
  const leave = withReturnTo('/logout', returnTo)
  return (
    <>
      <p>{words.loggedInAs(name)}</p>
      <form method="post" action={goOn}>
        <button type="submit" formaction={belowAuth(goOn)}>
          {words.continueTo(new URL(returnTo).host)}
        </button>
      </form>
      <form method="post" action={leave}>
        <button type="submit" class="quiet" formaction={belowAuth(leave)}>
          {words.anotherAccount}
        </button>
      </form>
    </>
  )
}

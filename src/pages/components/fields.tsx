/** The components of forms. */
import type { Challenge } from '../../challenge/challenge.ts'
import type { FormErrors } from '../form-errors.ts'
import type { View } from '../view.ts'

interface FieldProps {
  readonly form: string
  readonly name: string
  readonly label: string
  readonly hint?: string | undefined
  readonly value?: string | undefined
  readonly autocomplete: string
  readonly type?: 'text' | 'email' | 'tel' | 'password'
  readonly required?: boolean
  readonly errors: FormErrors | null
  /** Whether this field has the focus if the form has no errors. */
  readonly initialFocus?: boolean
}

export function Field({ form, name, label, hint, errors, initialFocus = false, ...input }: FieldProps) {
  const id = `${form}-${name}`
  const error = errors?.fields[name]
  const describedBy = [
    hint === undefined ? [] : `${id}-hint`,
    error === undefined ? [] : `${id}-error`,
  ].flat()
  const isFirstError = Object.keys(errors?.fields ?? {})[0] === name
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
      <input
        id={id}
        name={name}
        type={input.type ?? 'text'}
        value={input.value}
        autocomplete={input.autocomplete}
        autocapitalize="none"
        spellcheck={false}
        required={input.required ?? false}
        aria-invalid={error === undefined ? undefined : 'true'}
        aria-describedby={describedBy.length === 0 ? undefined : describedBy.join(' ')}
        autofocus={isFirstError || (errors === null && initialFocus)}
      />
    </div>
  )
}

type PasswordProps = Omit<FieldProps, 'type' | 'autocomplete' | 'value'> & {
  readonly view: View
  readonly isNew?: boolean
}

/** The button shows the password. It is hidden without JavaScript. */
export function PasswordField({ view, isNew = false, ...field }: PasswordProps) {
  const { showPassword, hidePassword } = view.messages
  return (
    <div class="password">
      <Field {...field} type="password" autocomplete={isNew ? 'new-password' : 'current-password'} required />
      <button
        type="button"
        class="quiet"
        hidden
        data-shows={`${field.form}-${field.name}`}
        data-hide={hidePassword}
      >
        {showPassword}
      </button>
    </div>
  )
}

/** An error message. Screen readers read it out. It takes the focus unless an invalid field has it. */
export function Alert({ errors }: { readonly errors: FormErrors | null }) {
  if (errors === null) return null
  const takesFocus = Object.keys(errors.fields).length === 0
  return (
    <p class="alert" role="alert" tabindex={-1} autofocus={takesFocus}>
      {errors.message}
    </p>
  )
}

export function Status({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : (
    <p class="done" role="status">
      {text}
    </p>
  )
}

/** The place for the widget of a challenge. The script `challenge-box.ts` writes the solution into the hidden field. */
export function ChallengeBox({
  view,
  challenge,
}: {
  readonly view: View
  readonly challenge: Challenge | null
}) {
  if (challenge === null) return null
  const { messages, challengeScript } = view
  return (
    <fieldset
      class="challenge"
      data-challenge={JSON.stringify(challenge)}
      data-script={challengeScript}
      data-failed={messages.challengeNotLoaded}
      data-wait={messages.challengePending}
    >
      <legend>{messages.challenge}</legend>
      <div />
      <input type="hidden" name="challenge" />
      <p class="hint" role="status" />
      <noscript>
        <p class="error">{messages.challengeNeedsScript}</p>
      </noscript>
    </fieldset>
  )
}

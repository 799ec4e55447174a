/** The parts that forms are made of. */
import type { Challenge } from '../../challenge/challenge.ts'
import type { Failure } from '../form-errors.ts'
import type { View } from '../layout.tsx'

interface FieldProps {
  readonly form: string
  readonly name: string
  readonly label: string
  readonly hint?: string | undefined
  readonly value?: string | undefined
  readonly autocomplete: string
  readonly type?: 'text' | 'email' | 'tel' | 'password'
  readonly required?: boolean
  readonly failure: Failure | null
  /** Whether the cursor stands here where nothing is wrong. */
  readonly first?: boolean
}

export function Field({ form, name, label, hint, failure, first = false, ...input }: FieldProps) {
  const id = `${form}-${name}`
  const error = failure?.fields[name]
  const described = [hint === undefined ? [] : `${id}-hint`, error === undefined ? [] : `${id}-error`].flat()
  const isFirstError = Object.keys(failure?.fields ?? {})[0] === name
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
        aria-describedby={described.length === 0 ? undefined : described.join(' ')}
        autofocus={isFirstError || (failure === null && first)}
      />
    </div>
  )
}

type PasswordProps = Omit<FieldProps, 'type' | 'autocomplete' | 'value'> & {
  readonly view: View
  readonly isNew?: boolean
}

/** A script lets it be seen; without one the button is not there. */
export function PasswordField({ view, isNew = false, ...field }: PasswordProps) {
  const { show, hide } = view.messages
  return (
    <div class="password">
      <Field {...field} type="password" autocomplete={isNew ? 'new-password' : 'current-password'} required />
      <button type="button" class="quiet" hidden data-shows={`${field.form}-${field.name}`} data-hide={hide}>
        {show}
      </button>
    </div>
  )
}

/** Read out where it appears: it takes the focus, unless a field does. */
export function Alert({ failure }: { readonly failure: Failure | null }) {
  if (failure === null) return null
  const takesFocus = Object.keys(failure.fields).length === 0
  return (
    <p class="alert" role="alert" tabindex={-1} autofocus={takesFocus}>
      {failure.message}
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

/** Where the widget of a challenge appears; its answer goes into the form. */
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
      data-failed={messages.challengeFailed}
      data-wait={messages.challengeWait}
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

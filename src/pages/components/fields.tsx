/** The fields of forms. Each shows its label, its hint and its error, in this order. */
import type { PropsWithChildren } from 'hono/jsx'
import type { IdentifierKind } from '../../accounts/account.ts'
import type { Challenge } from '../../challenge/challenge.ts'
import { fill } from '../../messages/messages.ts'
import type { PasswordTexts } from '../browser/field-checks.ts'
import type { FormErrors } from '../form-errors.ts'
import type { View } from '../view.ts'
import { Icon } from './icons.tsx'

interface FieldProps {
  readonly form: string
  readonly name: string
  readonly label: string
  readonly hint?: string | undefined
  readonly errors: FormErrors | null
  /** Whether this field has the focus if the form has no errors. */
  readonly initialFocus?: boolean
}

/** What a control needs to belong to its label, hint and error. */
function controlOf({ form, name, hint, errors, initialFocus = false }: FieldProps) {
  const id = `${form}-${name}`
  const error = errors?.fields[name]
  const described = [hint === undefined ? [] : `${id}-hint`, error === undefined ? [] : `${id}-error`].flat()
  const isFirstError = Object.keys(errors?.fields ?? {})[0] === name
  return {
    id,
    name,
    'aria-invalid': error === undefined ? undefined : ('true' as const),
    'aria-describedby': described.length === 0 ? undefined : described.join(' '),
    autofocus: isFirstError || (errors === null && initialFocus),
  }
}

/** Puts a control between its label and its hint. */
function Field({ form, name, label, hint, errors, children }: PropsWithChildren<FieldProps>) {
  const id = `${form}-${name}`
  const error = errors?.fields[name]
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
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
    </div>
  )
}

interface TextFieldProps extends FieldProps {
  readonly value?: string | undefined
  readonly autocomplete: string
  readonly type?: 'text' | 'email' | 'tel' | 'url'
  readonly required?: boolean
  readonly maxlength?: number
  /** What the script checks when the person leaves the field. */
  readonly check?: IdentifierKind | 'identifier'
  /** The errors of that check. */
  readonly checkTexts?: Readonly<Record<IdentifierKind, string>>
}

export function TextField({
  value,
  autocomplete,
  type = 'text',
  required = false,
  maxlength,
  check,
  checkTexts,
  ...field
}: TextFieldProps) {
  return (
    <Field {...field}>
      <input
        {...controlOf(field)}
        type={type}
        value={value}
        autocomplete={autocomplete}
        autocapitalize="none"
        spellcheck={false}
        required={required}
        maxlength={maxlength}
        dir={type === 'text' ? 'auto' : 'ltr'}
        data-check={check}
        data-texts={checkTexts && JSON.stringify(checkTexts)}
      />
    </Field>
  )
}

type PasswordProps = FieldProps & {
  readonly view: View
  /** For a new password: what the script needs to check it and to show its strength. */
  readonly texts?: PasswordTexts
}

/** The button inside the field shows the password. It is hidden without JavaScript. */
export function PasswordField({ view, texts, ...field }: PasswordProps) {
  const { showPassword, hidePassword } = view.messages
  const control = controlOf(field)
  return (
    <Field {...field}>
      <div class="password">
        <input
          {...control}
          type="password"
          autocomplete={texts === undefined ? 'current-password' : 'new-password'}
          required
          data-check={texts && 'new-password'}
          data-texts={texts && JSON.stringify(texts)}
        />
        <button
          type="button"
          class="reveal"
          hidden
          aria-label={`${showPassword}: ${field.label}`}
          data-shows={control.id}
          data-hide={`${hidePassword}: ${field.label}`}
        >
          <Icon name="eye" />
          <Icon name="eye-off" />
        </button>
      </div>
    </Field>
  )
}

export function NewPasswordField({
  minLength,
  ...field
}: Omit<PasswordProps, 'texts' | 'hint'> & { readonly minLength: number }) {
  const { passwordHint, passwordStrength, weakPasswordReasons, sentenceSeparator } = field.view.messages
  const { weak, fair, good, strong } = passwordStrength
  const texts = {
    minLength,
    weaknesses: weakPasswordReasons,
    levels: [weak, fair, good, strong],
    separator: sentenceSeparator,
  }
  return <PasswordField {...field} hint={fill(passwordHint, { minLength })} texts={texts} />
}

/** A code that a message or an authenticator shows. Phones offer to fill it in. */
export function CodeField({ length, ...field }: FieldProps & { readonly length: number }) {
  return (
    <Field {...field}>
      <input
        {...controlOf(field)}
        class="code"
        type="text"
        inputmode="numeric"
        autocomplete="one-time-code"
        pattern={`[0-9]{${length}}`}
        maxlength={length}
        required
        dir="ltr"
      />
    </Field>
  )
}

interface SelectProps extends FieldProps {
  readonly value: string
  readonly options: readonly { readonly value: string; readonly text: string; readonly lang?: string }[]
  readonly autocomplete?: string
}

export function SelectField({ value, options, autocomplete = 'off', ...field }: SelectProps) {
  return (
    <Field {...field}>
      <select {...controlOf(field)} autocomplete={autocomplete}>
        {options.map((option) => (
          <option value={option.value} lang={option.lang} selected={option.value === value}>
            {option.text}
          </option>
        ))}
      </select>
    </Field>
  )
}

export function Checkbox({ label, checked = false, ...field }: FieldProps & { readonly checked?: boolean }) {
  const control = controlOf({ ...field, label })
  const error = field.errors?.fields[field.name]
  return (
    <div class="field checkbox">
      <input {...control} type="checkbox" value="yes" checked={checked} />
      <label for={control.id}>{label}</label>
      {field.hint !== undefined && (
        <p class="hint" id={`${control.id}-hint`}>
          {field.hint}
        </p>
      )}
      {error !== undefined && (
        <p class="error" id={`${control.id}-error`}>
          {error}
        </p>
      )}
    </div>
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

/** What a page tells a person: errors, what was done, states. */
import type { PropsWithChildren } from 'hono/jsx'
import type { FormErrors } from '../form-errors.ts'
import { Icon, type IconName } from './icons.tsx'

/**
 * An error message. Screen readers read it out. It takes the focus unless an invalid field has it. If a limit blocks, the
 * script counts down.
 */
export function Alert({ errors }: { readonly errors: FormErrors | null }) {
  if (errors === null) return null
  const { wait } = errors
  const takesFocus = Object.keys(errors.fields).length === 0
  return (
    <div
      class="alert"
      data-retry-after={wait?.seconds}
      data-retry-in={wait?.countdown}
      data-retry-now={wait?.over}
    >
      <Icon name="warning" />
      <p role="alert" tabindex={-1} autofocus={takesFocus}>
        {errors.message}
      </p>
    </div>
  )
}

/** The alert that the script shows if a form, or its response, was lost. */
export function SendFailed({ text }: { readonly text: string }) {
  return (
    <template id="send-failed">
      <div class="alert">
        <Icon name="warning" />
        <p tabindex={-1}>{text}</p>
      </div>
    </template>
  )
}

/** What was done. */
export function Toast({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : (
    <div class="toast">
      <Icon name="check" />
      <p role="status">{text}</p>
    </div>
  )
}

export function Badge({ children }: PropsWithChildren) {
  return <span class="badge">{children}</span>
}

/** In place of a list or a form that has nothing to show: says what to do. */
export function EmptyState({ icon, title, children }: PropsWithChildren<{ icon: IconName; title: string }>) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** The first letters of a name. Pictures are not loaded, because the pages load nothing from other hosts. */
export function Avatar({ name }: { readonly name: string }) {
  return (
    <span class="avatar" aria-hidden="true">
      {initialsOf(name)}
    </span>
  )
}

/** @returns up to two letters or digits: those that begin the first and the last word, or the first one of an identifier */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/u).flatMap((word) => word.match(/[\p{L}\p{N}]/u)?.[0] ?? [])
  const [first = '', last = ''] = [words[0], words.length > 1 ? words.at(-1) : '']
  return (first + last).toUpperCase()
}

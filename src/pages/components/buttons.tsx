/** Buttons and links that look like buttons. A view has one primary button. */
import type { PropsWithChildren } from 'hono/jsx'
import { Icon, type IconName } from './icons.tsx'

export type ButtonKind = 'primary' | 'quiet' | 'danger'

interface ButtonProps {
  readonly kind?: ButtonKind
  readonly icon?: IconName
  /** Whether the button fills the width of its form. */
  readonly wide?: boolean
  readonly formaction?: string
  readonly name?: string
  readonly value?: string
  readonly disabled?: boolean
  /** Whether the form is being sent, which the script sets otherwise. */
  readonly isSending?: boolean
  /** The accessible name, where the text does not make sense by itself. */
  readonly label?: string
}

/** Sends the form. While it is sent, the script marks the form as busy, and the spinner shows. */
export function Button({
  kind = 'primary',
  icon,
  wide,
  label,
  isSending,
  children,
  ...button
}: PropsWithChildren<ButtonProps>) {
  return (
    <button type="submit" class={classes(kind, wide)} aria-label={label} data-sending={isSending} {...button}>
      <span class="spinner" aria-hidden="true" />
      {icon !== undefined && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  )
}

export function ButtonLink({
  kind = 'primary',
  wide,
  href,
  children,
}: PropsWithChildren<ButtonProps & { href: string }>) {
  return (
    <a class={classes(kind, wide)} href={href}>
      {children}
    </a>
  )
}

function classes(kind: ButtonKind, wide = false): string {
  return `button ${kind}${wide ? ' wide' : ''}`
}

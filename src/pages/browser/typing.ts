/**
 * Checks a field as the service will, without a request, and shows how strong a new password is. Loaded when such a field has
 * the focus for the first time.
 */
import type { IdentifierKind } from '../../accounts/account.ts'
import { brokenKind, type PasswordTexts, passwordStrength } from './field-checks.ts'

/** What `data-texts` of an identifier contains: how to correct it. */
type IdentifierTexts = Readonly<Record<IdentifierKind, string>>

let isPressed = false
addEventListener('pointerdown', () => notePointer(true), true)
addEventListener('pointerup', () => notePointer(false), true)
addEventListener('pointercancel', () => notePointer(false), true)

/** @param input has `data-check`, the kind of the check, and `data-texts` */
export function checkWhileTyping(input: HTMLInputElement): void {
  const isPassword = input.dataset.check === 'new-password'
  const errorOf = isPassword ? passwordCheck(input) : identifierCheck(input)
  input.addEventListener('change', async () => {
    // An error would move the button away from the pointer, and the click would be lost.
    if (isPressed) await pointerReleased()
    if (input.form?.getAttribute('aria-busy') !== 'true') showError(input, errorOf())
  })
  input.addEventListener('input', () => {
    if (input.getAttribute('aria-invalid') === 'true') showError(input, errorOf())
  })
}

function notePointer(pressed: boolean): void {
  isPressed = pressed
}

/** Waits until the click has been handled. */
function pointerReleased(): Promise<void> {
  return new Promise((resolve) => {
    addEventListener('pointerup', () => setTimeout(resolve), { once: true })
    addEventListener('pointercancel', () => setTimeout(resolve), { once: true })
  })
}

/** @returns a function that returns the error of the field, or null */
function identifierCheck(input: HTMLInputElement): () => string | null {
  const texts: IdentifierTexts = JSON.parse(input.dataset.texts ?? '{}')
  return () => {
    const kind = brokenKind(fieldKindOf(input), input.value)
    return kind === null ? null : texts[kind]
  }
}

function fieldKindOf({ dataset: { check } }: HTMLInputElement): IdentifierKind | 'identifier' {
  return check === 'username' || check === 'email' || check === 'phone' ? check : 'identifier'
}

/** Also shows the strength. @returns a function that returns the error of the field, or null */
function passwordCheck(input: HTMLInputElement): () => string | null {
  const texts: PasswordTexts = JSON.parse(input.dataset.texts ?? '{}')
  const { box, text, length } = strengthBox(input)
  const strength = () => passwordStrength(input.value, texts.minLength, typedIdentifiers(input))
  const errorOf = () => {
    const reasons = strength().weaknesses.map((reason) => texts.weaknesses[reason] ?? reason)
    return reasons.length === 0 ? null : reasons.join(texts.separator)
  }
  const show = () => {
    const { level } = strength()
    box.dataset.level = String(level)
    box.hidden = input.value === ''
    const says = errorOf() ?? texts.levels[level - 1] ?? ''
    // Screen readers read out each change.
    if (text.textContent !== says) text.textContent = says
    length.textContent = [...input.value].length.toLocaleString(document.documentElement.lang)
  }
  input.addEventListener('input', show)
  show()
  return errorOf
}

/** A bar, the text beside it, and the length of the password. */
function strengthBox(input: HTMLInputElement) {
  const [box, text, length] = [create('div'), create('p'), create('span')]
  box.className = 'strength'
  text.role = 'status'
  length.ariaHidden = 'true'
  box.append(text, length)
  input.closest('.password')?.after(box)
  return { box, text, length }
}

function create(name: string): HTMLElement {
  return document.createElement(name)
}

/** Those of the form. One of them is hidden and tells password managers whose password it is. */
function typedIdentifiers({ form }: HTMLInputElement): readonly string[] {
  const inputs = form?.querySelectorAll<HTMLInputElement>(
    'input:is([autocomplete=username], [autocomplete=email])',
  )
  return [...(inputs ?? [])].map(({ value }) => value)
}

/** Where the page of a rejected form has it, and marked as there. */
function showError(input: HTMLInputElement, text: string | null): void {
  const id = `${input.id}-error`
  const others = (input.getAttribute('aria-describedby') ?? '')
    .split(' ')
    .filter((part) => !['', id].includes(part))
  const described = text === null ? others : [...others, id]
  input.setAttribute('aria-describedby', described.join(' '))
  if (described.length === 0) input.removeAttribute('aria-describedby')
  if (text === null) {
    input.removeAttribute('aria-invalid')
    document.getElementById(id)?.remove()
    return
  }
  input.setAttribute('aria-invalid', 'true')
  const error = document.getElementById(id) ?? create('p')
  error.id = id
  error.className = 'error'
  error.textContent = text
  input.closest('.field')?.append(error)
}

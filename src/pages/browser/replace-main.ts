/** Puts the content of another page in place of this page's. */

/** What is replaced. The account's name is beside the main content. */
const PARTS = ['main', '.who']
const FIELDS = 'input[id], select[id], textarea[id]'

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

/**
 * Keeps what the person typed, above all passwords: the HTML of a page never contains one.
 * @returns the new main content
 */
export function replaceMain(page: DocumentFragment): HTMLElement | null {
  if (accountOf(page) === accountOf(document)) keepState(page)
  document.title = page.querySelector('title')?.textContent ?? document.title
  for (const selector of PARTS) {
    const part = page.querySelector(selector)
    if (part !== null) document.querySelector(selector)?.replaceWith(part)
  }
  return document.querySelector('main')
}

/** Takes the focus to the first invalid field, or to the message. */
export function moveFocus(main: HTMLElement): void {
  main.tabIndex = -1
  const target = main.querySelector<HTMLElement>('[autofocus]') ?? main
  target.focus()
}

/** The account that the forms are for. The browser may have logged in to another one, whose forms must not get these values. */
function accountOf(page: ParentNode): string | undefined {
  return page.querySelector<HTMLInputElement>('main input[name=account]')?.value
}

function keepState(page: DocumentFragment): void {
  for (const field of document.querySelectorAll<Field>(`main :is(${FIELDS})`)) {
    const next = page.getElementById(field.id)
    if (isField(next)) keepValue(field, next)
  }
  const isOpen = [...document.querySelectorAll('main details')].map((details) => details.hasAttribute('open'))
  for (const [index, details] of page.querySelectorAll('main details').entries()) {
    if (isOpen[index]) details.setAttribute('open', '')
  }
}

function keepValue(field: Field, next: Field): void {
  const isCheckbox = field instanceof HTMLInputElement && field.type === 'checkbox'
  if (isCheckbox && next instanceof HTMLInputElement) next.checked = field.checked
  else if (field instanceof HTMLSelectElement || field.value !== field.defaultValue) next.value = field.value
}

function isField(element: HTMLElement | null): element is Field {
  return element?.matches(FIELDS) ?? false
}

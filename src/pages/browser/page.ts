/** The script of the hosted pages. Each page works without it, except for the widget of a challenge. */
import { solveChallenges } from './challenge-box.ts'
import { countDown } from './countdown.ts'
import { lastingAddress } from './pure.ts'
import { moveFocus, replaceMain } from './replace-main.ts'
import { sendForms } from './send-forms.ts'

/** Aborted when other content replaces the content of the page. */
let lifetime = new AbortController()

history.replaceState(null, '', lastingAddress(location.href))
enhance(document)
sendForms((page) => {
  lifetime.abort()
  lifetime = new AbortController()
  const main = replaceMain(page)
  if (main === null) return
  enhance(main)
  moveFocus(main)
})
void startChecks(document.activeElement)
document.addEventListener('focusin', ({ target }) => void startChecks(target))

function enhance(root: ParentNode): void {
  const { signal } = lifetime
  for (const button of root.querySelectorAll<HTMLButtonElement>('[data-shows]')) addPasswordToggle(button)
  for (const time of root.querySelectorAll('time')) showLocalTime(time)
  for (const box of root.querySelectorAll<HTMLElement>('[data-challenge]')) solveChallenges(box, signal)
  for (const alert of root.querySelectorAll<HTMLElement>('[data-retry-after]')) countDown(alert, signal)
}

const checked = new WeakSet<Element>()

/** Most visits of a page need no checks, so their script is loaded when a field that has them gets the focus. */
async function startChecks(field: EventTarget | null): Promise<void> {
  if (!(field instanceof HTMLInputElement) || field.dataset.check === undefined || checked.has(field)) return
  checked.add(field)
  const { checkWhileTyping } = await import('./typing.ts')
  checkWhileTyping(field)
}

function addPasswordToggle(button: HTMLButtonElement): void {
  const input = document.getElementById(button.dataset.shows ?? '')
  if (!(input instanceof HTMLInputElement)) return
  const showLabel = button.getAttribute('aria-label') ?? ''
  const hideLabel = button.dataset.hide ?? ''
  const setVisible = (visible: boolean) => {
    input.type = visible ? 'text' : 'password'
    button.toggleAttribute('data-visible', visible)
    button.setAttribute('aria-label', visible ? hideLabel : showLabel)
  }
  button.hidden = false
  setVisible(false)
  button.addEventListener('click', () => setVisible(input.type === 'password'))
  // Otherwise the browser would store the password in its form history, like other text.
  input.form?.addEventListener('submit', () => setVisible(false))
}

function showLocalTime(time: HTMLTimeElement): void {
  const { lang } = document.documentElement
  time.textContent = new Date(time.dateTime).toLocaleString(lang, { dateStyle: 'medium', timeStyle: 'short' })
}

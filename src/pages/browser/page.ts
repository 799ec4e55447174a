/** The script of the hosted pages: passwords that can be shown, local times, challenge widgets, forms that are sent only once. */
import { solveChallenges } from './challenge-box.ts'

removeFormAddress()
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-shows]')) addPasswordToggle(button)
for (const time of document.querySelectorAll('time')) showLocalTime(time)
for (const box of document.querySelectorAll<HTMLElement>('[data-challenge]')) solveChallenges(box)
for (const form of document.forms) preventDoubleSubmit(form)

/** So that a reload opens the page again, without sending the form a second time or repeating a message. */
function removeFormAddress(): void {
  const url = new URL(location.href)
  url.searchParams.delete('done')
  url.searchParams.delete('just_logged_in')
  url.pathname = url.pathname.replace(/^\/auth\/pages/, '').replace(/^\/account\/.*/, '/account')
  history.replaceState(null, '', url)
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

/** Without this, the second submit of a double click would fail: the username is taken, or the challenge already used. */
function preventDoubleSubmit(form: HTMLFormElement): void {
  let submitted = false
  form.addEventListener('submit', (event) => {
    if (event.defaultPrevented) return
    if (submitted) event.preventDefault()
    submitted = true
  })
  addEventListener('pageshow', () => {
    submitted = false
  })
}

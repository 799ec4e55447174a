/** What the hosted pages gain from scripts: passwords that can be seen, local times, and the widgets of challenges. */
import { solveIn } from './challenge-box.ts'

forgetForm()
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-shows]')) offerToShow(button)
for (const time of document.querySelectorAll('time')) sayLocally(time)
for (const box of document.querySelectorAll<HTMLElement>('[data-challenge]')) solveIn(box)
for (const form of document.forms) sendOnce(form)

/** A reload opens the page anew: it sends no form again, and repeats no news. */
function forgetForm(): void {
  const url = new URL(location.href)
  url.searchParams.delete('done')
  url.searchParams.delete('just_logged_in')
  url.pathname = url.pathname.replace(/^\/auth\/pages/, '').replace(/^\/account\/.*/, '/account')
  history.replaceState(null, '', url)
}

function offerToShow(button: HTMLButtonElement): void {
  const input = document.getElementById(button.dataset.shows ?? '')
  if (!(input instanceof HTMLInputElement)) return
  const [show, hide] = [button.textContent, button.dataset.hide ?? '']
  const turn = (shown: boolean) => {
    input.type = shown ? 'text' : 'password'
    button.textContent = shown ? hide : show
    button.setAttribute('aria-label', `${button.textContent}: ${input.labels?.[0]?.textContent ?? ''}`)
  }
  button.hidden = false
  turn(false)
  button.addEventListener('click', () => turn(input.type === 'password'))
  // Or the browser would remember it as it does other texts.
  input.form?.addEventListener('submit', () => turn(false))
}

function sayLocally(time: HTMLTimeElement): void {
  const { lang } = document.documentElement
  time.textContent = new Date(time.dateTime).toLocaleString(lang, { dateStyle: 'medium', timeStyle: 'short' })
}

/** A double click is one: the second would be told that the name is taken, or the challenge used up. */
function sendOnce(form: HTMLFormElement): void {
  let sent = false
  form.addEventListener('submit', (event) => {
    if (event.defaultPrevented) return
    if (sent) event.preventDefault()
    sent = true
  })
  addEventListener('pageshow', () => {
    sent = false
  })
}

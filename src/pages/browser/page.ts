/** What the hosted pages gain from scripts: passwords that can be seen, local times, and the widgets of challenges. */
import { solveIn } from './challenge-box.ts'

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-shows]')) offerToShow(button)
for (const time of document.querySelectorAll('time')) sayLocally(time)
for (const box of document.querySelectorAll<HTMLElement>('[data-challenge]')) solveIn(box)

function offerToShow(button: HTMLButtonElement): void {
  const input = document.getElementById(button.dataset.shows ?? '')
  if (!(input instanceof HTMLInputElement)) return
  const [show, hide] = [button.textContent, button.dataset.hide ?? '']
  const turn = (shown: boolean) => {
    input.type = shown ? 'text' : 'password'
    button.textContent = shown ? hide : show
  }
  button.hidden = false
  button.addEventListener('click', () => turn(input.type === 'password'))
  // Or the browser would remember it as it does other texts.
  input.form?.addEventListener('submit', () => turn(false))
}

function sayLocally(time: HTMLTimeElement): void {
  const { lang } = document.documentElement
  time.textContent = new Date(time.dateTime).toLocaleString(lang, { dateStyle: 'medium', timeStyle: 'short' })
}

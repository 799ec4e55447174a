/** What the hosted pages gain from scripts: passwords that can be seen, local times, and the widgets of challenges. */
import { solveIn } from './challenge-box.ts'

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-shows]')) offerToShow(button)
for (const time of document.querySelectorAll('time')) sayLocally(time)
for (const box of document.querySelectorAll<HTMLElement>('[data-challenge]')) solveIn(box)

function offerToShow(button: HTMLButtonElement): void {
  const input = document.getElementById(button.dataset.shows ?? '')
  const [show, hide] = [button.textContent, button.dataset.hide ?? '']
  button.hidden = false
  button.addEventListener('click', () => {
    const shown = input?.getAttribute('type') === 'text'
    input?.setAttribute('type', shown ? 'password' : 'text')
    button.textContent = shown ? show : hide
  })
}

function sayLocally(time: HTMLTimeElement): void {
  const { lang } = document.documentElement
  time.textContent = new Date(time.dateTime).toLocaleString(lang, { dateStyle: 'medium', timeStyle: 'short' })
}

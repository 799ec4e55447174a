/** Counts down in an alert that says when to try again. Until then the form cannot be sent. */
import { remainingTime } from './pure.ts'

const TICK_MS = 1000

/**
 * @param alert the element that `Alert` of feedback.tsx renders
 * @param lifetime aborted when the alert leaves the page
 */
export function countDown(alert: HTMLElement, lifetime: AbortSignal): void {
  const text = alert.querySelector('p')
  const form = alert.closest('form') ?? alert.parentElement?.querySelector('form')
  if (text === null || !form) return
  const { retryAfter, retryIn = '', retryNow = '' } = alert.dataset
  // By the clock, because a device that sleeps misses ticks.
  const deadline = Date.now() + Number(retryAfter) * 1000
  const buttons = [...form.querySelectorAll<HTMLButtonElement>('button[type=submit]:not(:disabled)')]
  for (const button of buttons) button.disabled = true

  const end = () => {
    clearInterval(timer)
    for (const button of buttons) button.disabled = false
  }
  const timer = setInterval(() => {
    const seconds = Math.ceil((deadline - Date.now()) / 1000)
    if (seconds <= 0) {
      end()
      text.setAttribute('role', 'alert')
      text.textContent = retryNow
      return
    }
    // Screen readers do not read out each change of a timer.
    text.setAttribute('role', 'timer')
    text.textContent = retryIn.replace('{time}', remainingTime(seconds, document.documentElement.lang))
  }, TICK_MS)
  lifetime.addEventListener('abort', () => clearInterval(timer))
  // The limit may concern this identifier alone.
  form.querySelector('[name=identifier]')?.addEventListener('input', () => {
    end()
    alert.remove()
  })
}

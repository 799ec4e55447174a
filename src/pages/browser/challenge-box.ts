/** Shows the challenge of a form and solves it. Before the solution expires, it loads a new challenge and solves that. */
import { challengeIn } from '../../client/challenge.ts'
import type { Challenge } from '../../client/wire.ts'

/** When a new challenge replaces a solved one. Solutions are valid for 300 s, those of hCaptcha for 120 s. */
const RENEW_AFTER_MS = { altcha: 240_000, turnstile: 240_000, hcaptcha: 100_000 }

/**
 * @param box the element that `ChallengeBox` of fields.tsx renders
 * @param lifetime aborted when the box leaves the page
 */
export function solveChallenges(box: HTMLElement, lifetime: AbortSignal): void {
  const form = box.closest('form')
  const container = box.querySelector('div')
  const input = box.querySelector<HTMLInputElement>('input[name=challenge]')
  const status = box.querySelector('[role=status]')
  if (form === null || container === null || input === null || status === null) return
  const { challenge: json = '', script, failed: failedText = '', wait: waitText = '' } = box.dataset
  const scripts = script === undefined ? {} : { turnstile: script, hcaptcha: script }
  const solve = challengeIn(container, { url: location.origin, scripts })
  /** Sends the form that waits for the solution. */
  let sendPending: (() => void) | null = null
  let current: Challenge = JSON.parse(json)
  let hasFailed = false

  form.addEventListener('submit', (event) => {
    if (input.value !== '') return
    event.preventDefault()
    sendPending = () => form.requestSubmit(event.submitter)
    status.textContent = waitText
    if (!hasFailed) return
    hasFailed = false
    renew().catch(showFailure)
  })

  const show = async (): Promise<void> => {
    const attempt = new AbortController()
    lifetime.addEventListener('abort', () => attempt.abort())
    input.value = ''
    input.value = await solve(current, attempt.signal)
    if (lifetime.aborted) return
    status.textContent = ''
    const timer = setTimeout(() => {
      attempt.abort()
      renew().catch(showFailure)
    }, RENEW_AFTER_MS[current.provider])
    lifetime.addEventListener('abort', () => clearTimeout(timer))
    sendPending?.()
    sendPending = null
  }
  const renew = async (): Promise<void> => {
    const response = await fetch(`/auth/challenge?action=${current.action}`)
    if (!response.ok) throw new Error(`no challenge: ${response.status}`)
    current = await response.json()
    await show()
  }
  const showFailure = () => {
    hasFailed = true
    sendPending = null
    status.textContent = failedText
  }
  show().catch(showFailure)
}

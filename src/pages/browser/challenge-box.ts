/** A challenge within a form: shown, solved, and solved anew before its answer goes stale. */
import { challengeIn } from '../../client/challenge.ts'
import type { Challenge } from '../../client/wire.ts'

/** An answer counts for 300 s, hCaptcha's for 120. */
const FRESH_MS = { altcha: 240_000, turnstile: 240_000, hcaptcha: 100_000 }

/** @param box as fields.tsx makes it */
export function solveIn(box: HTMLElement): void {
  const form = box.closest('form')
  const place = box.querySelector('div')
  const input = box.querySelector<HTMLInputElement>('input[name=challenge]')
  const status = box.querySelector('[role=status]')
  if (form === null || place === null || input === null || status === null) return
  const { challenge: json = '', script, failed = '', wait = '' } = box.dataset
  const scripts = script === undefined ? {} : { turnstile: script, hcaptcha: script }
  const solve = challengeIn(place, { url: location.origin, scripts })
  let sentEarly: HTMLElement | null = null

  form.addEventListener('submit', (event) => {
    if (input.value !== '') return
    event.preventDefault()
    sentEarly = event.submitter
    status.textContent = wait
  })

  const show = async (challenge: Challenge): Promise<void> => {
    const attempt = new AbortController()
    input.value = ''
    input.value = await solve(challenge, attempt.signal)
    status.textContent = ''
    if (sentEarly !== null) return form.requestSubmit(sentEarly)
    setTimeout(() => {
      attempt.abort()
      showFresh(challenge).catch(fail)
    }, FRESH_MS[challenge.provider])
  }
  const showFresh = async ({ action }: Challenge): Promise<void> => {
    const answer = await fetch(`/auth/challenge?action=${action}`)
    await show(await answer.json())
  }
  const fail = () => {
    status.textContent = failed
  }
  show(JSON.parse(json)).catch(fail)
}

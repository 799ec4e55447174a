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
  let sentEarly: { readonly by: HTMLElement | null } | null = null
  let current: Challenge = JSON.parse(json)
  let failing = false

  form.addEventListener('submit', (event) => {
    if (input.value !== '') return
    event.preventDefault()
    sentEarly = { by: event.submitter }
    status.textContent = wait
    if (!failing) return
    failing = false
    showFresh().catch(fail)
  })

  const show = async (): Promise<void> => {
    const attempt = new AbortController()
    input.value = ''
    input.value = await solve(current, attempt.signal)
    status.textContent = ''
    if (sentEarly !== null) return form.requestSubmit(sentEarly.by)
    setTimeout(() => {
      attempt.abort()
      showFresh().catch(fail)
    }, FRESH_MS[current.provider])
  }
  const showFresh = async (): Promise<void> => {
    const answer = await fetch(`/auth/challenge?action=${current.action}`)
    if (!answer.ok) throw new Error(`no challenge: ${answer.status}`)
    current = await answer.json()
    await show()
  }
  const fail = () => {
    failing = true
    sentEarly = null
    status.textContent = failed
  }
  show().catch(fail)
}

/** Sends the forms of a page by fetch, so that an error does not leave the page. Without JavaScript the browser sends them. */

/** How long a form waits for the response. */
const DEADLINE_MS = 30_000
const TIMED_OUT = 'timed out'

/** Makes the form that is being sent usable again, and ignores its response. */
let endCurrent = (): void => undefined

/** @param showPage shows the page that responds to a rejected form */
export function sendForms(showPage: (page: DocumentFragment) => void): void {
  const opensElsewhere = watchModifierKeys()
  document.addEventListener('submit', (event) => {
    const form = event.target
    if (!(form instanceof HTMLFormElement) || form.getAttribute('method') !== 'post') return
    // The script of the challenge waits for the solution, or the browser opens the response in another tab or window.
    if (event.defaultPrevented || opensElsewhere()) return
    event.preventDefault()
    // The second click of a double click.
    if (form.getAttribute('aria-busy') === 'true') return
    endCurrent()
    void send(form, event.submitter, showPage)
  })
  addEventListener('keydown', ({ key, isComposing }) => {
    if (key !== 'Escape' || isComposing) return
    if (document.querySelector('form[aria-busy=true]') !== null) stop()
    endCurrent()
  })
  // A page that the back button shows again is in the state in which it was left.
  addEventListener('pageshow', () => endCurrent())
  // The Stop button, while the browser opens the next page. Not every browser has this API.
  window.navigation?.addEventListener('navigateerror', () => endCurrent())
}

/**
 * Browsers open the response of a form in another tab or window if one of these keys is pressed. The click that the Enter
 * key causes does not state them in every browser.
 */
function watchModifierKeys(): () => boolean {
  let pressed = false
  const note = ({ shiftKey, ctrlKey, metaKey }: KeyboardEvent | MouseEvent) => {
    pressed = shiftKey || ctrlKey || metaKey
  }
  addEventListener('keydown', note, true)
  addEventListener('keyup', note, true)
  const isByPointer = (event: MouseEvent) => event.detail > 0
  addEventListener('click', (event) => isByPointer(event) && note(event), true)
  return () => pressed
}

async function send(
  form: HTMLFormElement,
  submitter: HTMLElement | null,
  showPage: (page: DocumentFragment) => void,
): Promise<void> {
  const request = requestOf(form, submitter)
  const unmark = markBusy(form, submitter)
  const attempt = new AbortController()
  const { signal } = attempt
  const deadline = setTimeout(() => attempt.abort(TIMED_OUT), DEADLINE_MS)
  const end = () => {
    clearTimeout(deadline)
    unmark()
    attempt.abort()
  }
  endCurrent = end
  try {
    const result = await readResult(await fetch(request, { signal }))
    clearTimeout(deadline)
    signal.throwIfAborted()
    // The form stays busy until the browser has left the page.
    if (typeof result === 'string') return location.assign(result)
    end()
    showPage(result)
  } catch {
    if (signal.aborted && signal.reason !== TIMED_OUT) return
    end()
    showFailure(form)
  }
}

/** Collects the values before the button is disabled, because disabled buttons have none. */
function requestOf(form: HTMLFormElement, submitter: HTMLElement | null): Request {
  const url = submitter?.getAttribute('formaction') ?? form.getAttribute('action') ?? ''
  const entries = [...new FormData(form, submitter)].map(([name, value]) => [name, String(value)])
  const headers = { Accept: 'application/json, text/html;q=0.9' }
  return new Request(url, { method: 'POST', headers, body: new URLSearchParams(entries) })
}

/** @returns the address of the next page, or the page that shows why the form was rejected */
async function readResult(response: Response): Promise<string | DocumentFragment> {
  const type = response.headers.get('Content-Type') ?? ''
  if (response.ok && type.startsWith('application/json')) {
    const next: { readonly location: string } = await response.json()
    return next.location
  }
  // A DOMParser would report the styles of the page as violations of this page's Content-Security-Policy.
  const template = document.createElement('template')
  template.innerHTML = await response.text()
  if (template.content.querySelector('main') === null) throw new Error(`not a page: ${response.status}`)
  return template.content
}

/** @returns undoes it */
function markBusy(form: HTMLFormElement, submitter: HTMLElement | null): () => void {
  const button = submitter instanceof HTMLButtonElement ? submitter : null
  const hadFocus = document.activeElement === button
  form.setAttribute('aria-busy', 'true')
  if (button !== null) {
    button.dataset.sending = ''
    button.disabled = true
  }
  return () => {
    form.removeAttribute('aria-busy')
    if (button === null) return
    delete button.dataset.sending
    button.disabled = false
    // A button that is disabled loses the focus.
    if (hadFocus && document.activeElement === document.body) button.focus()
  }
}

/** The form, or its response, was lost. */
function showFailure(form: HTMLFormElement): void {
  const template = document.querySelector<HTMLTemplateElement>('#send-failed')
  const alert = template?.content.firstElementChild?.cloneNode(true)
  if (!(alert instanceof HTMLElement)) return
  const text = alert.querySelector('p')
  // Set here, so that a page without an error has no alert.
  text?.setAttribute('role', 'alert')
  document.querySelector('main .alert')?.remove()
  if (form.closest('main') === null) document.querySelector('h1')?.after(alert)
  else form.prepend(alert)
  text?.focus()
}

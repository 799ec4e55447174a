/**
 * The fake scripts of Turnstile's and hCaptcha's widgets: as much of their interfaces as a page needs to show a checkbox
 * and to receive the token. The token comes from the fake provider that served the script.
 */

/** The text of a script for browsers, with the names of the provider, of its global and of its CSS class. */
const widget = (provider: string, namespace: string, className: string) => `(() => {
  const base = new URL(document.currentScript.src)
  const widgets = new Map()
  const find = (place) => (typeof place === 'string' ? document.querySelector(place) : place)

  async function tick(box, options) {
    box.disabled = true
    const body = JSON.stringify({ action: options.action, hostname: location.hostname, site_key: options.sitekey })
    const response = await fetch(new URL('/${provider}/tokens' + base.search, base), { method: 'POST', body })
    options.token = (await response.json()).token
    options.callback?.(options.token)
  }

  function render(place, options) {
    const label = document.createElement('label')
    const box = document.createElement('input')
    box.type = 'checkbox'
    box.addEventListener('change', () => {
      tick(box, options).catch(() => options['error-callback']?.())
    })
    label.append(box, ' ${provider}: I am a person (fake provider)')
    find(place).replaceChildren(label)
    const id = String(widgets.size)
    widgets.set(id, { label, box, options })
    return id
  }

  const latest = (id) => widgets.get(id ?? [...widgets.keys()].at(-1))
  globalThis.${namespace} = {
    render,
    getResponse: (id) => latest(id)?.options.token ?? '',
    reset(id) {
      const { box, options } = latest(id)
      options.token = ''
      box.checked = false
      box.disabled = false
    },
    remove: (id) => latest(id)?.label.remove(),
  }

  function start() {
    for (const place of document.querySelectorAll('.${className}')) {
      const { sitekey, action, callback } = place.dataset
      render(place, { sitekey, action, callback: (token) => globalThis[callback]?.(token) })
    }
    globalThis[base.searchParams.get('onload')]?.()
  }
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start)
  else start()
})()
`

/** The scripts by method and path, as the providers serve them. */
export const WIDGET_SCRIPTS: Readonly<Record<string, string>> = {
  'GET /turnstile/v0/api.js': widget('turnstile', 'turnstile', 'cf-turnstile'),
  'GET /1/api.js': widget('hcaptcha', 'hcaptcha', 'h-captcha'),
}

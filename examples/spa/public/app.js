import { service } from './config.js'
import { explain } from './errors.js'

// The service serves its client itself. Where its address is fixed, this is one static import.
const { challengeIn, createClient } = await import(`${service}/assets/client/index.js`)

const byCookie = new URLSearchParams(location.search).get('storage') === 'cookie'
const client = createClient({
  url: service,
  storage: byCookie ? 'cookie' : 'localStorage',
  challenge: challengeIn(at('challenge'), { url: service }),
})
let claims = null
let renewals = 0

at('service').textContent = service
at('app').textContent = location.origin
at(byCookie ? 'storage-cookie' : 'storage-local').setAttribute('aria-current', 'true')
onSubmit('login', (fields) => client.logIn(fields))
onSubmit('register', (fields) => client.register(fields))
onClick('log-out', () => client.logOut())
onClick('call-whoami', () => call('/api/whoami'))
onClick('call-headers', () => call('/api/headers'))
onClick('list-sessions', listSessions)
onClick('end-others', () => end('?except=current'))
client.onChange(show)
setInterval(showExpiry, 1000)
await guarded(async () => {
  const user = await client.user()
  if (user === null) show(null)
})

/** Here or in another tab, somebody has logged in or out. */
function show(user) {
  log(user === null ? 'Nobody is logged in.' : `${nameOf(user)} is logged in.`)
  at('who').textContent = user === null ? 'Nobody is logged in.' : `You are ${nameOf(user)}.`
  at('outside').hidden = user !== null
  at('inside').hidden = user === null
  at('user').textContent = JSON.stringify(user, null, 2)
  at('answer').textContent = ''
  at('error').textContent = ''
  claims = null
  renewals = 0
  showToken()
  at(user === null ? 'login-title' : 'user-title').focus()
  if (user !== null) guarded(async () => Promise.all([readToken(), listSessions()]))
}

function nameOf(user) {
  return user.username ?? user.email ?? user.phone
}

async function call(path) {
  const answer = await client.fetch(service + path)
  const body = await answer.json()
  at('answer').textContent = `${answer.status}\n${JSON.stringify(body, null, 2)}`
  if (answer.ok) await readToken()
}

/**
 * The client keeps its token to itself, so the origin is asked what came: a token that the gateway made of it for this origin,
 * here without its signature. It expires with the client's, so another expiry means that the client's was renewed.
 */
async function readToken() {
  const answer = await client.fetch(`${service}/api/headers`)
  if (!answer.ok) return
  const { authorization } = await answer.json()
  const next = decode(authorization)
  if (claims !== null && next.exp !== claims.exp) {
    renewals += 1
    log('The access token was renewed.')
  }
  claims = next
  showToken()
}

/** To look at: who believes a token verifies it, and that is the origin. */
function decode(authorization) {
  const [, payload] = authorization.split('.')
  const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (c) =>
    c.charCodeAt(0),
  )
  return JSON.parse(new TextDecoder().decode(bytes))
}

function showToken() {
  at('token-claims').textContent = claims === null ? '' : JSON.stringify(claims, null, 2)
  at('token-renewals').textContent = `${renewals}`
  showExpiry()
}

function showExpiry() {
  const left = claims === null ? 0 : Math.ceil(claims.exp - Date.now() / 1000)
  at('token-expiry').textContent =
    left > 0 ? `Good for ${left} s.` : 'Not good any more: the next call renews it.'
}

async function listSessions() {
  const answer = await client.fetch(`${service}/auth/sessions`)
  if (!answer.ok) return
  const { sessions } = await answer.json()
  at('sessions').replaceChildren(...sessions.map(toItem))
}

function toItem(session) {
  const item = document.createElement('li')
  const text = document.createElement('span')
  const from = [session.city, session.country, session.ip].filter((part) => part !== null).join(', ')
  text.textContent = `${session.current ? 'This one' : 'Another'}, since ${new Date(session.created_at).toLocaleString()}, ${from}`
  const button = document.createElement('button')
  button.dataset.session = session.id
  button.textContent = session.current ? 'End, and log out' : 'End'
  const act = session.current ? () => client.logOut() : () => end(`/${session.id}`)
  button.addEventListener('click', () => guarded(act, button))
  item.append(text, button)
  return item
}

/** Where the login is older than 15 minutes the service asks for the password. */
async function end(which) {
  const password = at('end-password').value
  const answer = await client.fetch(`${service}/auth/sessions${which}`, {
    method: 'DELETE',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(password === '' ? {} : { current_password: password }),
  })
  at('end-password').value = ''
  const { code } = answer.ok ? {} : await answer.json()
  at('end-proof').hidden = code === undefined
  if (code !== undefined) {
    at('end-password').focus()
    throw Object.assign(new Error(code), { code })
  }
  log('Other sessions were ended.')
  await listSessions()
}

function onSubmit(id, send) {
  const form = at(id)
  const button = at(`${id}-submit`)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    mark(form, { message: '', fields: {} })
    button.before(at('challenge'))
    button.disabled = true
    try {
      await send(filledIn(form))
      form.reset()
    } catch (error) {
      log(`The service said ${error.code ?? error.message}.`)
      mark(form, explain(error))
    } finally {
      button.disabled = false
    }
  })
}

/** An identifier that was left empty is none. */
function filledIn(form) {
  return Object.fromEntries(
    [...new FormData(form)].filter(([name, value]) => value !== '' || name === 'password'),
  )
}

function mark(form, { message, fields }) {
  const inputs = [...form.querySelectorAll(':scope > input')]
  const marked = inputs.filter((input) => fields[input.name] !== undefined)
  for (const input of inputs) {
    input.toggleAttribute('aria-invalid', marked.includes(input))
    at(`${input.id}-error`).textContent = fields[input.name] ?? ''
  }
  at(`${form.id}-error`).textContent = message
  marked[0]?.focus()
}

function onClick(id, act) {
  at(id).addEventListener('click', () => guarded(act, at(id)))
}

async function guarded(act, button = null) {
  at('error').textContent = ''
  if (button !== null) button.disabled = true
  try {
    await act()
  } catch (error) {
    at('error').textContent = explain(error).message
  } finally {
    if (button !== null) button.disabled = false
  }
}

function log(text) {
  const item = document.createElement('li')
  item.textContent = `${new Date().toLocaleTimeString()} ${text}`
  at('events').prepend(item)
}

function at(id) {
  return document.getElementById(id)
}

import { service } from './config.js'
import { explain } from './errors.js'

// The service serves the browser SDK. With a fixed service URL this can be a static import.
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
onSubmit('password', changePassword)
onClick('log-out', () => client.logOut())
onClick('call-whoami', () => call('/api/whoami'))
onClick('call-headers', () => call('/api/headers'))
onClick('list-sessions', listSessions)
onClick('end-others', () => end((confirmation) => client.endOtherSessions(confirmation)))
client.onChange(show)
setInterval(showExpiry, 1000)
await guarded(async () => {
  const user = await client.user()
  if (user === null) show(null)
})

/** Called when the user logs in or out, in this tab or another. */
function show(user) {
  const status = user === null ? 'You are not logged in.' : `You are logged in as ${nameOf(user)}.`
  log(status)
  at('who').textContent = status
  at('outside').hidden = user !== null
  at('inside').hidden = user === null
  at('user').textContent = JSON.stringify(user, null, 2)
  at('response').textContent = ''
  at('error').textContent = ''
  claims = null
  renewals = 0
  showToken()
  at(user === null ? 'login-title' : 'user-title').focus()
  if (user !== null) void guarded(async () => Promise.all([readToken(), listSessions()]))
}

function nameOf(user) {
  return user.username ?? user.email ?? user.phone
}

async function call(path) {
  const response = await client.fetch(service + path)
  const body = await response.json()
  at('response').textContent = `${response.status}\n${JSON.stringify(body, null, 2)}`
  if (response.ok) await readToken()
}

/** The SDK renews a token that is about to expire, so another expiry means that it was renewed. */
async function readToken() {
  const token = await client.accessToken()
  if (token === null) return
  const next = decode(token)
  if (claims !== null && next.exp !== claims.exp) {
    renewals += 1
    log('The access token was renewed.')
  }
  claims = next
  showToken()
}

/** For display only: this does not verify the token. Verifying it is the origin's task. */
function decode(token) {
  const [, payload] = token.split('.')
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
  at('token-expiry').textContent = left > 0 ? `Valid for ${left} s.` : 'Expired. The next call renews it.'
}

async function listSessions() {
  at('sessions').replaceChildren(...(await client.sessions()).map(toItem))
}

function toItem(session) {
  const item = document.createElement('li')
  const text = document.createElement('span')
  const from = [session.city, session.country, session.ip].filter((part) => part !== null).join(', ')
  text.textContent = `${session.current ? 'This session' : 'Another session'}, since ${new Date(session.created_at).toLocaleString()}, ${from}`
  const button = document.createElement('button')
  button.dataset.session = session.id
  button.textContent = session.current ? 'Log out' : 'End'
  const action = session.current
    ? () => client.logOut()
    : () => end((confirmation) => client.endSession(session.id, confirmation))
  button.addEventListener('click', () => guarded(action, button))
  item.append(text, button)
  return item
}

/** If the login is older than 15 minutes, the service requires the password. */
async function end(endSessions) {
  const password = at('end-password')
  const confirmation = password.value === '' ? undefined : { current_password: password.value }
  password.value = ''
  at('end-proof').before(at('challenge'))
  try {
    await endSessions(confirmation)
  } catch (error) {
    at('end-proof').hidden = false
    password.focus()
    throw error
  }
  at('end-proof').hidden = true
  log('Other sessions were ended.')
  await listSessions()
}

async function changePassword(passwords) {
  await client.changePassword(passwords)
  log('The password was changed, and other sessions were ended.')
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
      log(`Error: ${error.code ?? error.message}.`)
      mark(form, explain(error))
    } finally {
      button.disabled = false
    }
  })
}

/** Omits identifiers that were left empty. */
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

function onClick(id, action) {
  at(id).addEventListener('click', () => guarded(action, at(id)))
}

async function guarded(action, button = null) {
  at('error').textContent = ''
  if (button !== null) button.disabled = true
  try {
    await action()
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

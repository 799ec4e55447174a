// What a person is told. The codes are the service's, and three of the client's own: docs/spa.md.

const PASSWORD_REASONS = {
  too_short: 'It is too short.',
  too_long: 'It is too long.',
  too_simple: 'It repeats itself, or follows the alphabet or the keyboard.',
  common: 'Too many people use it.',
  contains_identifier: 'It contains your name, address or number.',
  breached: 'It is on a list of stolen passwords.',
}

/** @returns {{ message: string, fields: Record<string, string> }} what to say, and what of it belongs to a field */
export function explain(error) {
  // What fetch rejects with where no answer comes.
  if (error instanceof TypeError) return all('Nobody answers. Are you online?')
  switch (error.code) {
    case 'invalid_credentials':
      return all('That is not a name and password that belong together.')
    case 'insufficient_user_authentication':
      return all('You logged in more than 15 minutes ago. Enter your password, and try again.')
    case 'invalid_request':
      return only(Object.fromEntries((error.problem?.errors ?? []).map((one) => [one.field, textOf(one)])))
    case 'identifier_taken':
      return only({ [error.problem?.field]: 'Somebody has that already.' })
    case 'weak_password':
      return only({
        password: reasonsOf(error.problem?.reasons ?? []),
      })
    case 'account_disabled':
      return all('This account is disabled.')
    case 'registration_closed':
    case 'registration_not_allowed':
      return all('No account can be made with this.')
    case 'too_many_registrations':
    case 'too_many_login_failures':
      return all(`Too many attempts. Try again in ${error.retryAfterSeconds ?? 60} seconds.`)
    case 'challenge_required':
    case 'challenge_failed':
    case 'challenge_not_shown':
      return all('The check that you are human did not work. Try again.')
    case 'cookie_blocked':
      return all('Your browser keeps no cookie of the service.')
    case 'network':
      return all('The service does not answer. Are you online?')
    case 'unavailable':
      if (error.problem?.registered) return all('Your account is made. Please log in.')
      return all('The service is busy. Try again soon.')
    default:
      return all(`Something went wrong (${error.code ?? error.message}).`)
  }
}

function textOf({ message, reasons }) {
  return reasons === undefined ? message : reasonsOf(reasons)
}

function reasonsOf(reasons) {
  return reasons.map((reason) => PASSWORD_REASONS[reason]).join(' ')
}

function all(message) {
  return { message, fields: {} }
}

function only(fields) {
  return { message: 'Please look at what is marked.', fields }
}

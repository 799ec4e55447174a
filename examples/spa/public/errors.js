// Messages for the error codes of the service and the three codes of the SDK: docs/spa.md.

const PASSWORD_REASONS = {
  too_short: 'It is too short.',
  too_long: 'It is too long.',
  too_simple: 'It repeats itself, or follows the order of the alphabet or the keyboard.',
  common: 'It is one of the most common passwords.',
  contains_identifier: 'It contains your username, email address or phone number.',
  breached: 'It is on a list of stolen passwords.',
}

/** @returns {{ message: string, fields: Record<string, string> }} the message for the form, and the messages for its fields */
export function explain(error) {
  // fetch rejects with a TypeError if there is no response.
  if (error instanceof TypeError) return forForm('The service cannot be reached. Are you online?')
  switch (error.code) {
    case 'invalid_credentials':
      return forForm('Incorrect username or password.')
    case 'insufficient_user_authentication':
      return forForm('You logged in more than 15 minutes ago. Enter your password and try again.')
    case 'invalid_request':
      return forFields(
        Object.fromEntries((error.problem?.errors ?? []).map((invalid) => [invalid.field, textOf(invalid)])),
      )
    case 'identifier_taken':
      return forFields({ [error.problem?.field]: 'This is already taken.' })
    case 'weak_password': {
      const reasons = reasonsOf(error.problem?.reasons ?? [])
      return forFields({ password: reasons, new_password: reasons })
    }
    case 'account_disabled':
      return forForm('This account is disabled.')
    case 'registration_closed':
    case 'registration_not_allowed':
      return forForm('Registration is not possible with these details.')
    case 'too_many_registrations':
    case 'too_many_login_failures':
      return forForm(`Too many attempts. Try again in ${error.retryAfterSeconds ?? 60} seconds.`)
    case 'challenge_required':
    case 'challenge_failed':
    case 'challenge_not_shown':
      return forForm('The check that you are human failed. Try again.')
    case 'cookie_blocked':
      return forForm('Your browser blocks the cookie of the service.')
    case 'network':
      return forForm('The service cannot be reached. Are you online?')
    case 'invalid_token':
      return forForm('You have been logged out.')
    case 'unavailable':
      if (error.problem?.registered) return forForm('Your account was created. Please log in.')
      return forForm('The service is temporarily unavailable. Try again soon.')
    default:
      return forForm(`Something went wrong (${error.code ?? error.message}).`)
  }
}

function textOf({ message, reasons }) {
  return reasons === undefined ? message : reasonsOf(reasons)
}

function reasonsOf(reasons) {
  return reasons.map((reason) => PASSWORD_REASONS[reason]).join(' ')
}

function forForm(message) {
  return { message, fields: {} }
}

function forFields(fields) {
  return { message: 'Please correct the marked fields.', fields }
}

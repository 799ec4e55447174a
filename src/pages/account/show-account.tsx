/** Shows a section of the account. */
import { IDENTIFIER_KINDS } from '../../accounts/account.ts'
import { isFreshLogin } from '../../actions/session/authorize.ts'
import { listSessions } from '../../actions/session/end-sessions.ts'
import type { AppContext } from '../../http/context.ts'
import { accountContext } from '../../http/middleware/provide-context.ts'
import { fill } from '../../messages/messages.ts'
import type { AccountSection } from '../components/frame.tsx'
import { formFieldsOf } from '../form.ts'
import { challengeForNextAttempt } from '../form-errors.ts'
import { showPage } from '../layout.tsx'
import { noticeOf, viewOf } from '../view.ts'
import { typedDetails } from './account-details.tsx'
import { displayName, personName, welcomeOf } from './account-fields.tsx'
import { AccountPage, type RejectedForm } from './account-page.tsx'

/** @param rejected the form of this section that was rejected, which the page shows again */
export async function showAccount(
  c: AppContext,
  section: AccountSection,
  rejected: RejectedForm | null,
): Promise<Response> {
  const view = viewOf(c)
  const activeSession = accountContext(c).actor
  const welcome = section === 'profile' ? welcomeOf(c, activeSession.profile) : undefined
  const props = {
    view,
    section,
    activeSession,
    sessions: section === 'devices' ? await listSessions(accountContext(c)) : [],
    requiresPassword: !isFreshLogin(c.get('ctx'), activeSession.session),
    minLength: c.get('ctx').services.config.accounts.passwordMinLength,
    status: rejected === null ? (noticeOf(c) ?? welcome) : undefined,
    rejected,
    challenge:
      rejected?.form && rejected.form !== 'details'
        ? await challengeForNextAttempt(c, rejected.errors, 'login')
        : null,
    typed: rejected?.form === 'profile' ? typedProfile(c) : {},
    typedDetails: rejected?.form === 'details' ? typedDetails(c) : {},
  }
  const error = rejected === null ? {} : { status: rejected.errors.status, error: rejected.errors.message }
  const name = displayName(activeSession.profile)
  const options = {
    title: view.messages.accountSections[section],
    lead: section === 'profile' ? fill(view.messages.loggedInAs, { name }) : undefined,
    account: { section, name: personName(activeSession.profile) },
  }
  return showPage(c, { ...options, ...error }, <AccountPage {...props} />)
}

function typedProfile(c: AppContext) {
  const field = formFieldsOf(c)
  return Object.fromEntries(IDENTIFIER_KINDS.map((kind) => [kind, field(kind)]))
}

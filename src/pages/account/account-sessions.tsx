/** The session list of the account page. */
import { fill, type Messages } from '../../messages/messages.ts'
import { toDateTime } from '../../runtime/text.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import { browserName } from '../../sessions/activity.ts'
import type { Session } from '../../sessions/session.ts'
import { Alert, ChallengeBox } from '../components/fields.tsx'
import { underAuthPath } from '../page-cookie.ts'
import type { View } from '../view.ts'
import { AccountAndUsername, CurrentPassword, type SectionProps } from './account-fields.tsx'

interface SessionsProps extends SectionProps {
  readonly activeSession: ActiveSession
  readonly sessions: readonly Session[]
  /** Whether the login is too old to end sessions without the password. */
  readonly requiresPassword: boolean
}

/** One form for all buttons: each of them ends other sessions, and all require the same password. */
export function Sessions({
  view,
  profile,
  errors,
  challenge,
  activeSession,
  sessions,
  requiresPassword,
}: SessionsProps) {
  const { messages } = view
  const hasOthers = sessions.some(({ id }) => id !== activeSession.session.id)
  const error = errors?.fields.current_password
  const hint = requiresPassword && error !== messages.passwordRequired ? messages.passwordRequired : undefined
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{messages.sessions}</h2>
      <Alert errors={errors} />
      <form method="post" action="/account/sessions/end">
        {/* The Enter key presses the first button. Without this one it would end the first session of the list. */}
        <button type="submit" disabled hidden />
        <AccountAndUsername profile={profile} />
        {(requiresPassword || challenge !== null || error !== undefined) && (
          <CurrentPassword view={view} form="sessions" hint={hint} errors={errors} />
        )}
        <ChallengeBox view={view} challenge={challenge} />
        <ul class="sessions">
          {sessions.map((session) => (
            <SessionItem view={view} session={session} current={session.id === activeSession.session.id} />
          ))}
        </ul>
        <p class="actions">
          {hasOthers && (
            <button type="submit" class="quiet" formaction="/account/sessions/end-others">
              {messages.endOtherSessions}
            </button>
          )}
          <button type="submit" class="quiet" formaction={underAuthPath('/account/sessions/end-all')}>
            {messages.endAllSessions}
          </button>
        </p>
      </form>
    </section>
  )
}

function SessionItem({ view, session, current }: { view: View; session: Session; current: boolean }) {
  const { messages } = view
  const browser =
    browserName(session.userAgent, (name, system) => fill(messages.browserOn, { browser: name, system })) ??
    messages.unknownBrowser
  return (
    <li>
      <div>
        <strong>{browser}</strong>
        {current && <span class="badge">{messages.currentSession}</span>}
        <p class="hint">
          {locationOf(session, messages)} {messages.lastUsed} <Time unixMs={session.lastUsedAt} /> ·{' '}
          {messages.loggedInSince} <Time unixMs={session.createdAt} />
        </p>
      </div>
      {!current && (
        <button
          type="submit"
          class="quiet"
          name="id"
          value={session.id}
          aria-label={fill(messages.endSessionOf, { browser })}
        >
          {messages.endSession}
        </button>
      )}
    </li>
  )
}

/** @returns the location and the IP address if they are known, each followed by a separator */
function locationOf({ city, country, ip }: Session, messages: Messages): string {
  const location =
    city !== null && country !== null ? fill(messages.location, { city, country }) : (city ?? country)
  return [location, ip]
    .filter((part) => part != null)
    .map((part) => `${part} ·`)
    .join(' ')
}

/** In UTC. A script replaces it by the browser's local time. */
function Time({ unixMs }: { readonly unixMs: number }) {
  const dateTime = toDateTime(unixMs)
  return <time datetime={dateTime}>{dateTime.replace('T', ' ').replace('Z', ' UTC')}</time>
}

/** Where an account is logged in, on its page. */
import { toDateTime } from '../../http/representations.ts'
import type { Messages } from '../../messages/messages.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import type { Session } from '../../sessions/session.ts'
import { Alert, ChallengeBox } from '../components/fields.tsx'
import type { View } from '../layout.tsx'
import { belowAuth } from '../page-cookie.ts'
import { CurrentPassword, Owner, type SectionProps } from './account-fields.tsx'
import { browserName } from './browser-name.ts'

interface SessionsProps extends SectionProps {
  readonly activeSession: ActiveSession
  readonly sessions: readonly Session[]
  /** Whether the login is too old to end sessions without the password. */
  readonly asksPassword: boolean
}

/** One form: each of its buttons ends something else, and all need the same password. */
export function Sessions({
  view,
  profile,
  failure,
  challenge,
  activeSession,
  sessions,
  asksPassword,
}: SessionsProps) {
  const { messages } = view
  const hasOthers = sessions.some(({ id }) => id !== activeSession.session.id)
  const error = failure?.fields.current_password
  const hint = asksPassword && error !== messages.passwordNeeded ? messages.passwordNeeded : undefined
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">{messages.sessions}</h2>
      <Alert failure={failure} />
      <form method="post" action="/account/sessions/end">
        {/* The Enter key presses the first button: it must not end whichever session is listed first. */}
        <button type="submit" disabled hidden />
        <Owner profile={profile} />
        {(asksPassword || challenge !== null || error !== undefined) && (
          <CurrentPassword view={view} form="sessions" hint={hint} failure={failure} />
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
              {messages.endOthers}
            </button>
          )}
          <button type="submit" class="quiet" formaction={belowAuth('/account/sessions/end-all')}>
            {messages.endAll}
          </button>
        </p>
      </form>
    </section>
  )
}

function SessionItem({ view, session, current }: { view: View; session: Session; current: boolean }) {
  const { messages } = view
  const browser = browserName(session.userAgent, messages.browserOn) ?? messages.unknownBrowser
  return (
    <li>
      <div>
        <strong>{browser}</strong>
        {current && <span class="badge">{messages.currentSession}</span>}
        <p class="hint">
          {whereFrom(session, messages)} {messages.lastUsed} <Time unixMs={session.lastUsedAt} /> ·{' '}
          {messages.since} <Time unixMs={session.createdAt} />
        </p>
      </div>
      {!current && (
        <button type="submit" class="quiet" name="id" value={session.id} aria-label={messages.endOf(browser)}>
          {messages.end}
        </button>
      )}
    </li>
  )
}

/** @returns what is known of it, each part with the sign that divides it from the next */
function whereFrom({ city, country, ip }: Session, messages: Messages): string {
  const place = city !== null && country !== null ? messages.place(city, country) : (city ?? country)
  return [place, ip]
    .filter((part) => part != null)
    .map((part) => `${part} ·`)
    .join(' ')
}

/** In UTC; a script says it in the browser's own time. */
function Time({ unixMs }: { readonly unixMs: number }) {
  const dateTime = toDateTime(unixMs)
  return <time datetime={dateTime}>{dateTime.replace('T', ' ').replace('Z', ' UTC')}</time>
}

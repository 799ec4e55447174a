/** The session list of the account page. */
import { fill, type Messages } from '../../messages/messages.ts'
import { toDateTime } from '../../runtime/text.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import { browserName } from '../../sessions/activity.ts'
import type { Session } from '../../sessions/session.ts'
import { Button } from '../components/buttons.tsx'
import { Item, ItemList, Panel } from '../components/collections.tsx'
import { Alert, Badge } from '../components/feedback.tsx'
import { ChallengeBox } from '../components/fields.tsx'
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
    <Panel id="sessions" title={messages.sessions}>
      <form method="post" action="/account/sessions/end">
        <Alert errors={errors} />
        {/* The Enter key presses the first button. Without this one it would end the first session of the list. */}
        <button type="submit" disabled hidden />
        <AccountAndUsername profile={profile} />
        {(requiresPassword || challenge !== null || error !== undefined) && (
          <CurrentPassword view={view} form="sessions" hint={hint} errors={errors} />
        )}
        <ChallengeBox view={view} challenge={challenge} />
        <ItemList>
          {sessions.map((session) => (
            <SessionItem view={view} session={session} current={session.id === activeSession.session.id} />
          ))}
        </ItemList>
        <p class="actions">
          {hasOthers && (
            <Button kind="quiet" formaction="/account/sessions/end-others">
              {messages.endOtherSessions}
            </Button>
          )}
          <Button kind="quiet" formaction={underAuthPath('/account/sessions/end-all')}>
            {messages.endAllSessions}
          </Button>
        </p>
      </form>
    </Panel>
  )
}

function SessionItem({ view, session, current }: { view: View; session: Session; current: boolean }) {
  const { messages } = view
  const named = browserName(session.userAgent, (browser, system) =>
    fill(messages.browserOn, { browser, system }),
  )
  const browser = named ?? messages.unknownBrowser
  const end = (
    <Button kind="quiet" name="id" value={session.id} label={fill(messages.endSessionOf, { browser })}>
      {messages.endSession}
    </Button>
  )
  return (
    <Item
      icon="device"
      title={browser}
      badge={current && <Badge>{messages.currentSession}</Badge>}
      actions={current ? null : end}
    >
      <p class="hint">
        {locationOf(session, messages)} {messages.lastUsed} <Time unixMs={session.lastUsedAt} /> ·{' '}
        {messages.loggedInSince} <Time unixMs={session.createdAt} />
      </p>
    </Item>
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

/** The two frames of pages: a card for one task, and a wide page with navigation for the account. */
import type { PropsWithChildren } from 'hono/jsx'
import { brandOf } from '../brand.ts'
import { underAuthPath } from '../page-cookie.ts'
import type { View } from '../view.ts'
import { Button } from './buttons.tsx'
import { Navigation } from './collections.tsx'
import { Avatar, initialsOf } from './feedback.tsx'
import { Icon } from './icons.tsx'
import { LanguageSwitch } from './language-switch.tsx'

export interface FrameProps {
  readonly view: View
  readonly title: string
  /** A sentence under the title. */
  readonly lead?: string | undefined
}

export function CardFrame({ view, title, lead, children }: PropsWithChildren<FrameProps>) {
  return (
    <div class="frame card">
      <main>
        <Brand view={view} />
        <h1>{title}</h1>
        {lead !== undefined && <p class="lead">{lead}</p>}
        {children}
      </main>
      <Footer view={view} />
    </div>
  )
}

/** The sections of the account, by their paths. */
export const ACCOUNT_PATHS = {
  profile: '/account',
  security: '/account/security',
  devices: '/account/devices',
  deletion: '/account/delete',
} as const
export type AccountSection = keyof typeof ACCOUNT_PATHS
const SECTIONS = [
  { key: 'profile', icon: 'person' },
  { key: 'security', icon: 'lock' },
  { key: 'devices', icon: 'device' },
  { key: 'deletion', icon: 'trash' },
] as const

interface AccountFrameProps extends FrameProps {
  readonly section: AccountSection
  /** The person's name, or an identifier. */
  readonly name: string
}

export function AccountFrame({
  view,
  title,
  lead,
  section,
  name,
  children,
}: PropsWithChildren<AccountFrameProps>) {
  const { messages } = view
  const links = SECTIONS.map(({ key, icon }) => ({
    href: ACCOUNT_PATHS[key],
    text: messages.accountSections[key],
    icon,
  }))
  return (
    <div class="frame wide">
      <header class="bar">
        <Brand view={view} />
        <span class="who">
          <Avatar name={name} />
          <span class="who-name">
            <bdi>{name}</bdi>
          </span>
        </span>
        <form method="post" action={underAuthPath('/logout')}>
          <Button kind="quiet">{messages.logOut}</Button>
        </form>
      </header>
      <div class="columns">
        <Navigation label={messages.accountNavigation} current={ACCOUNT_PATHS[section]} links={links} />
        <main>
          <h1>{title}</h1>
          {lead !== undefined && <p class="lead">{lead}</p>}
          {children}
        </main>
      </div>
      <Footer view={view} />
    </div>
  )
}

/** The logo, or the first letter of the name. */
function Brand({ view: { pages } }: { readonly view: View }) {
  const { name, logo, logoDark } = brandOf(pages)
  return (
    <div class="brand">
      {logo === null ? (
        <span class="monogram" aria-hidden="true">
          {initialsOf(name).slice(0, 1)}
        </span>
      ) : (
        <picture>
          {logoDark !== null && logoDark !== logo && (
            <source srcset={logoDark} media="(prefers-color-scheme: dark)" />
          )}
          <img src={logo} alt="" height="32" />
        </picture>
      )}
      <span>{name}</span>
    </div>
  )
}

function Footer({ view }: { readonly view: View }) {
  const { messages, pages } = view
  const links = [
    [pages.termsUrl, messages.terms],
    [pages.privacyUrl, messages.privacy],
    [pages.supportUrl, messages.support],
  ] as const
  return (
    <footer class="footer">
      <LanguageSwitch view={view}>
        <Icon name="globe" />
      </LanguageSwitch>
      {links.map(([href, text]) => href !== null && <a href={href}>{text}</a>)}
    </footer>
  )
}

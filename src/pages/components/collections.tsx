/** Lists, tables, navigation and dialogs. All of them work without JavaScript. */
import type { Child, PropsWithChildren } from 'hono/jsx'
import { Icon, type IconName } from './icons.tsx'

export function Panel({
  id,
  title,
  hint,
  children,
}: PropsWithChildren<{ id: string; title: string; hint?: string }>) {
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {hint !== undefined && <p class="hint">{hint}</p>}
      {children}
    </section>
  )
}

export function ItemList({ children }: PropsWithChildren) {
  return <ul class="items">{children}</ul>
}

interface ItemProps {
  readonly icon?: IconName
  readonly title: string
  readonly badge?: Child
  /** The buttons of the item. */
  readonly actions?: Child
}

export function Item({ icon, title, badge, actions, children }: PropsWithChildren<ItemProps>) {
  return (
    <li>
      {icon !== undefined && <Icon name={icon} />}
      <div class="item-text">
        <p>
          <strong>{title}</strong> {badge}
        </p>
        {children}
      </div>
      {actions}
    </li>
  )
}

interface TableProps {
  readonly caption: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Child[])[]
}

/** A wide table scrolls by itself, also with the keyboard. */
export function Table({ caption, columns, rows }: TableProps) {
  return (
    <section class="table" aria-label={caption} tabindex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col">{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells) => (
            <tr>
              {cells.map((cell) => (
                <td>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

interface NavigationProps {
  readonly label: string
  readonly current: string
  readonly links: readonly { readonly href: string; readonly text: string; readonly icon: IconName }[]
}

/** Beside the content on wide screens, above it on narrow ones. */
export function Navigation({ label, current, links }: NavigationProps) {
  return (
    <nav class="sections" aria-label={label}>
      <ul>
        {links.map(({ href, text, icon }) => (
          <li>
            <a href={href} aria-current={href === current ? 'page' : undefined}>
              <Icon name={icon} />
              {text}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

interface PaginationProps {
  readonly label: string
  readonly previous: { readonly href: string | null; readonly text: string }
  readonly next: { readonly href: string | null; readonly text: string }
}

export function Pagination({ label, previous, next }: PaginationProps) {
  return (
    <nav class="pagination" aria-label={label}>
      <PageLink {...previous} />
      <PageLink {...next} />
    </nav>
  )
}

/** At the end of the list, the text stays and is no link. */
function PageLink({ href, text }: PaginationProps['next']) {
  if (href === null) return <span class="button quiet disabled">{text}</span>
  return (
    <a class="button quiet" href={href}>
      {text}
    </a>
  )
}

interface DialogProps {
  readonly id: string
  /** The text of the button that opens the dialog. */
  readonly opener: string
  readonly kind?: 'quiet' | 'danger'
  readonly title: string
  readonly cancel: string
}

/** Asks before something happens. The browser opens and closes it: it is a popover, which needs no script. */
export function Dialog({
  id,
  opener,
  kind = 'quiet',
  title,
  cancel,
  children,
}: PropsWithChildren<DialogProps>) {
  return (
    <>
      <button type="button" class={`button ${kind}`} popovertarget={id}>
        {opener}
      </button>
      <div id={id} popover="auto" class="dialog" role="dialog" aria-labelledby={`${id}-title`}>
        <h2 id={`${id}-title`}>{title}</h2>
        {children}
        <button type="button" class="button quiet" popovertarget={id} popovertargetaction="hide">
          {cancel}
        </button>
      </div>
    </>
  )
}

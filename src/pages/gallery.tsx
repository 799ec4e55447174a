/** `/dev/components`, in development alone: each component of the pages in each of its states. In English, for developers. */
import { Hono } from 'hono'
import type { AppEnv } from '../http/context.ts'
import { Button, ButtonLink } from './components/buttons.tsx'
import { Dialog, Item, ItemList, Navigation, Pagination, Panel, Table } from './components/collections.tsx'
import { Alert, Avatar, Badge, EmptyState, Toast } from './components/feedback.tsx'
import { Checkbox, CodeField, NewPasswordField, SelectField, TextField } from './components/fields.tsx'
import { showError } from './error-pages.tsx'
import type { FormErrors } from './form-errors.ts'
import { showPage } from './layout.tsx'
import { type View, viewOf } from './view.ts'

const NO_ERRORS = null
const ERRORS: FormErrors = {
  status: 422,
  message: 'Correct the fields below.',
  fields: { text: 'Fill in this field.', password: 'The password is too short.', code: 'Enter 6 digits.' },
  challenge: null,
}
const ZONES = ['Asia/Shanghai', 'Europe/Berlin', 'UTC'].map((zone) => ({ value: zone, text: zone }))

export function componentGallery(): Hono<AppEnv> {
  const router = new Hono<AppEnv>()
  router.onError(showError)
  router.get('/dev/components', (c) => {
    const options = {
      title: 'Components',
      lead: 'What the pages are made of, in every state.',
      account: { section: 'profile', name: 'Grace Hopper' },
    } as const
    return showPage(c, options, <Components view={viewOf(c)} />)
  })
  return router
}

function Components({ view }: { readonly view: View }) {
  return (
    <>
      <Fields view={view} form="empty" title="Fields" errors={NO_ERRORS} />
      <Fields view={view} form="invalid" title="Fields with errors" errors={ERRORS} />
      <Buttons />
      <Messages />
      <Collections />
      <Panel id="dialogs" title="Dialog without JavaScript">
        <div>
          <Dialog id="confirm" opener="Remove…" kind="danger" title="Remove the key?" cancel="Cancel">
            <p>A login with this key is not possible any more.</p>
            <Button kind="danger">Remove</Button>
          </Dialog>
        </div>
      </Panel>
    </>
  )
}

interface FieldsProps {
  readonly view: View
  readonly form: string
  readonly title: string
  readonly errors: FormErrors | null
}

function Fields({ view, form, title, errors }: FieldsProps) {
  const field = { form, errors }
  return (
    <Panel id={form} title={title}>
      <form method="get" action="/dev/components" novalidate>
        <TextField {...field} name="text" label="Text" hint="A hint is below the field." autocomplete="off" />
        <NewPasswordField {...field} view={view} name="password" label="Password" minLength={8} />
        <CodeField {...field} name="code" label="Code" length={6} />
        <SelectField {...field} name="zone" label="Time zone" value="UTC" options={ZONES} />
        <Checkbox {...field} name="box" label="Remember this device" hint="For 30 days." checked />
        <Button>Save</Button>
      </form>
    </Panel>
  )
}

function Buttons() {
  return (
    <Panel id="buttons" title="Buttons">
      <form method="get" action="/dev/components" aria-busy="true">
        <p class="actions">
          <Button>Primary</Button>
          <Button kind="quiet">Quiet</Button>
          <Button kind="danger" icon="trash">
            Danger
          </Button>
          <Button disabled>Disabled</Button>
          <Button isSending>Sending</Button>
          <ButtonLink kind="quiet" href="/dev/components">
            Link
          </ButtonLink>
        </p>
      </form>
    </Panel>
  )
}

function Messages() {
  return (
    <Panel id="messages" title="Messages">
      <Alert errors={{ ...ERRORS, fields: {}, message: 'Incorrect username or password.' }} />
      <Toast text="Your profile is saved." />
      <p>
        <Badge>This device</Badge> <Avatar name="Grace Hopper" /> <Avatar name="王小明" />
      </p>
      <EmptyState icon="inbox" title="No messages">
        <p>What arrives is shown here.</p>
      </EmptyState>
    </Panel>
  )
}

function Collections() {
  const end = <Button kind="quiet">Log out</Button>
  return (
    <Panel id="collections" title="Lists">
      <ItemList>
        <Item icon="device" title="Firefox, Linux" badge={<Badge>This device</Badge>}>
          <p class="hint">Berlin, DE</p>
        </Item>
        <Item icon="device" title="Safari, iOS" actions={end}>
          <p class="hint">Paris, FR</p>
        </Item>
      </ItemList>
      <Table
        caption="Accounts"
        columns={['Name', 'Email', 'Since']}
        rows={[
          ['grace', 'grace@example.com', '2026-01-09'],
          ['ada', 'ada@example.com', '2026-02-11'],
        ]}
      />
      <Pagination
        label="Pages"
        previous={{ href: null, text: 'Previous' }}
        next={{ href: '/dev/components', text: 'Next' }}
      />
      <Navigation
        label="Tabs"
        current="/account"
        links={[
          { href: '/account', text: 'Profile', icon: 'person' },
          { href: '/account/security', text: 'Security', icon: 'lock' },
        ]}
      />
    </Panel>
  )
}

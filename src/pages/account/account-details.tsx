/** What a person says about themselves: a form that needs no password. */
import { type AccountProfile, PROFILE_FIELDS, type ProfileFields } from '../../accounts/account.ts'
import { parseLocale, parseName, parsePicture, parseZone } from '../../accounts/profile-fields.ts'
import type { ProfileFieldChanges } from '../../actions/account/profile-changes.ts'
import type { AppContext } from '../../http/context.ts'
import { LANGUAGE_NAMES } from '../../messages/languages.ts'
import type { Messages } from '../../messages/messages.ts'
import { hasControlCharacter, trimInvisible } from '../../runtime/text.ts'
import { Button } from '../components/buttons.tsx'
import { Panel } from '../components/collections.tsx'
import { Alert } from '../components/feedback.tsx'
import { SelectField, TextField } from '../components/fields.tsx'
import { formFieldsOf } from '../form.ts'
import { viewOf } from '../view.ts'
import { AccountField, type SectionProps } from './account-fields.tsx'

export type TypedDetails = Readonly<Partial<Record<keyof ProfileFields, string>>>

export function Details({ view, profile, errors, typed }: SectionProps & { readonly typed: TypedDetails }) {
  const { messages } = view
  const field = (name: keyof ProfileFields) => ({
    form: 'details',
    name,
    label: messages.profileLabels[name],
    value: typed[name] ?? profile[name] ?? '',
    errors,
  })
  return (
    <Panel id="details" title={messages.details} hint={messages.detailsHint}>
      <form method="post" action="/account/details" novalidate>
        <Alert errors={errors} />
        <AccountField profile={profile} />
        <TextField {...field('name')} autocomplete="name" />
        <TextField {...field('picture')} hint={messages.pictureHint} type="url" autocomplete="photo" />
        <SelectField
          {...field('locale')}
          options={languageOptions(messages, profile)}
          autocomplete="language"
        />
        <SelectField {...field('zoneinfo')} options={zoneOptions(messages, profile)} />
        <Button>{messages.save}</Button>
      </form>
    </Panel>
  )
}

function languageOptions({ notSet }: Messages, { locale }: AccountProfile) {
  const known = Object.entries(LANGUAGE_NAMES).map(([value, text]) => ({ value, text, lang: value }))
  const isKnown = locale === null || locale in LANGUAGE_NAMES
  return [{ value: '', text: notSet }, ...(isKnown ? [] : [{ value: locale, text: locale }]), ...known]
}

function zoneOptions({ notSet }: Messages, { zoneinfo }: AccountProfile) {
  const zones = new Set([
    'UTC',
    ...(zoneinfo === null ? [] : [zoneinfo]),
    ...Intl.supportedValuesOf('timeZone'),
  ])
  return [{ value: '', text: notSet }, ...[...zones].sort().map((zone) => ({ value: zone, text: zone }))]
}

const PARSERS = { name: parseName, picture: parsePicture, locale: parseLocale, zoneinfo: parseZone }

/** @returns the fields that differ from the account's, and the message of each invalid one, by the field's name */
export function readDetails(c: AppContext, profile: AccountProfile) {
  const { invalidDetails } = viewOf(c).messages
  const read = (field: keyof ProfileFields) => {
    const text = trimInvisible(formFieldsOf(c)(field))
    const value = text === '' || hasControlCharacter(text) ? null : PARSERS[field](text)
    return { field, value, isInvalid: value === null && text !== '' }
  }
  const all = PROFILE_FIELDS.map(read)
  const invalid = all.filter(({ isInvalid }) => isInvalid)
  const errors = Object.fromEntries(invalid.map(({ field }) => [field, invalidDetails[field]]))
  const changed = all.filter(({ field, value }) => value !== profile[field])
  const changes: ProfileFieldChanges = Object.fromEntries(changed.map(({ field, value }) => [field, value]))
  return { changes, errors }
}

export function typedDetails(c: AppContext): TypedDetails {
  const field = formFieldsOf(c)
  return Object.fromEntries(PROFILE_FIELDS.map((name) => [name, field(name)]))
}

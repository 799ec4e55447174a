/** The hosted pages: whether they are served, how they look, and what they offer. */
import * as z from 'zod/mini'
import { LANGUAGES, type Language } from '../messages/languages.ts'
import type { SettingsReader } from './settings-reader.ts'

export interface PagesConfig {
  readonly enabled: boolean
  /** The service's name, as people know it. */
  readonly name: string
  /** An image next to the name: its address, or the image itself (`data:`); null if the setting has none. */
  readonly logo: string | null
  /** The same in dark mode: null only if `logo` is. */
  readonly logoDark: string | null
  /** The icon of a tab, like `logo`. */
  readonly favicon: string | null
  /** The colour of buttons and marks, as `#rrggbb`. */
  readonly color: string
  /** The same colour in dark mode. */
  readonly colorDark: string
  /** The colour around the card, as `#rrggbb`; null for that of the stylesheet. */
  readonly background: string | null
  /** The same in dark mode. */
  readonly backgroundDark: string | null
  /** How round the corners of the card are, in CSS pixels. Those of controls follow. */
  readonly radius: number
  /** A value of `font-family`; null for that of the stylesheet. */
  readonly font: string | null
  /** The address of a stylesheet that is loaded after the service's own. */
  readonly stylesheet: string | null
  readonly termsUrl: string | null
  readonly privacyUrl: string | null
  /** May be a `mailto:` address. */
  readonly supportUrl: string | null
  /** The kinds of identifier that the form of registration asks for, each in a field; null for one field that takes any. */
  readonly identifiers: readonly z.infer<typeof identifier>[] | null
  /** The languages that the pages have; the first is the default. */
  readonly languages: readonly [Language, ...Language[]]
}

const EXAMPLE = '{ "name": "Example", "logo": "https://www.example.com/logo.svg", "color": "#0b57d0" }'

const COLOR = '#1f5f8b'
const COLOR_DARK = '#8ec7ee'
const RADIUS_PX = 12
const MAX_FONT_LENGTH = 200

/** An https URL without credentials, which browsers do not load images and stylesheets from. */
const HTTPS = /^https:\/\/[^/@]+\//
const IMAGE = /^data:image\/[a-z+.-]+[;,]/i
const MAILTO = /^mailto:[^?@]+@[^?@]/
/** One font: a name in quotes, or without them words as in CSS. No character of either ends a declaration. */
const FONT = /^(?:"[\p{L}\p{N} ._+-]+"|'[\p{L}\p{N} ._+-]+'|-?[a-z_][\w-]*(?: [a-z_][\w-]*)*)$/iu

const color = z.string().check(z.regex(/^#[0-9a-fA-F]{6}$/, 'Must be a colour such as #0b57d0.'))
const image = url([HTTPS, IMAGE], 'Must be an https address, or a data: URL of an image.')
const page = url([HTTPS], 'Must be an https address.')
const identifier = z.enum(['username', 'email', 'phone'])
const language = z.enum(LANGUAGES)
const unique = z.refine<readonly string[]>(
  (list) => new Set(list).size === list.length,
  'Must not name one twice.',
)
const fields = z.strictObject({
  enabled: z._default(z.boolean(), true),
  name: z._default(z.string().check(z.trim(), z.minLength(1), z.maxLength(64)), 'Gatehouse'),
  logo: z.optional(image),
  logo_dark: z.optional(image),
  favicon: z.optional(image),
  color: z._default(color, COLOR),
  color_dark: z.optional(color),
  background: z.optional(color),
  background_dark: z.optional(color),
  radius: z._default(z.int().check(z.minimum(0), z.maximum(24)), RADIUS_PX),
  font: z.optional(
    z
      .string()
      .check(
        z.maxLength(MAX_FONT_LENGTH),
        z.refine(isFontList, 'Must be names of fonts separated by commas, such as "Open Sans", sans-serif.'),
      ),
  ),
  stylesheet: z.optional(page),
  terms_url: z.optional(page),
  privacy_url: z.optional(page),
  support_url: z.optional(url([HTTPS, MAILTO], 'Must be an https address, or a mailto: address.')),
  identifiers: z.optional(z.array(identifier).check(z.minLength(1), unique)),
  languages: z._default(z.tuple([language], language).check(unique), [...LANGUAGES]),
})

/** Reads `PAGES`. */
export function readPages(reader: SettingsReader): PagesConfig {
  const table = reader.table('PAGES') ?? {}
  const { data, error } = fields.safeParse(table)
  for (const { path, message } of error?.issues ?? []) {
    reader.addProblem('PAGES', [...path, message].join(': '), EXAMPLE, null)
  }
  if ('logo_dark' in table && !('logo' in table)) {
    reader.addProblem('PAGES', 'logo_dark: Needs a logo, which is shown in light mode.', EXAMPLE, null)
  }
  const { logo, logo_dark, color, color_dark, ...others } = data ?? fields.parse({})
  return {
    enabled: others.enabled,
    name: others.name,
    logo: logo ?? null,
    logoDark: logo_dark ?? logo ?? null,
    favicon: others.favicon ?? null,
    color,
    colorDark: color_dark ?? (color === COLOR ? COLOR_DARK : color),
    background: others.background ?? null,
    backgroundDark: others.background_dark ?? null,
    radius: others.radius,
    font: others.font ?? null,
    stylesheet: others.stylesheet ?? null,
    termsUrl: others.terms_url ?? null,
    privacyUrl: others.privacy_url ?? null,
    supportUrl: others.support_url ?? null,
    identifiers: others.identifiers ?? null,
    languages: others.languages,
  }
}

/** A URL, in the canonical form, that has one of the forms. */
function url(forms: readonly RegExp[], message: string) {
  const canonical = z.pipe(
    z.string(),
    z.transform((text) => URL.parse(text)?.href ?? ''),
  )
  return canonical.check(z.refine((href) => forms.some((form) => form.test(href)), message))
}

function isFontList(text: string): boolean {
  return text.split(',').every((name) => FONT.test(name.trim()))
}

/** The hosted pages: whether they are served, and how they look. */
import * as z from 'zod/mini'
import type { SettingsReader } from './settings-reader.ts'

export interface PagesConfig {
  readonly enabled: boolean
  /** The service's name, as people know it. */
  readonly name: string
  /** An image next to the name: its address, or the image itself (`data:`); null for no image. */
  readonly logo: string | null
  /** The colour of buttons and marks, as `#rrggbb`. */
  readonly color: string
  /** The same colour in dark mode. */
  readonly colorDark: string
}

const EXAMPLE = '{ "name": "Example", "logo": "https://www.example.com/logo.svg", "color": "#0b57d0" }'

const COLOR = '#1f5f8b'
const COLOR_DARK = '#8ec7ee'

const color = z.string().check(z.regex(/^#[0-9a-fA-F]{6}$/, 'Must be a colour such as #0b57d0.'))
const logo = z
  .pipe(
    z.string(),
    z.transform((text) => URL.parse(text)?.href ?? ''),
  )
  .check(z.refine(isImageAddress, 'Must be an https address, or a data: URL of an image.'))
const fields = z.strictObject({
  enabled: z._default(z.boolean(), true),
  name: z._default(z.string().check(z.trim(), z.minLength(1), z.maxLength(64)), 'Gatehouse'),
  logo: z.optional(logo),
  color: z._default(color, COLOR),
  color_dark: z.optional(color),
})

export function readPages(reader: SettingsReader): PagesConfig {
  const { data, error } = fields.safeParse(reader.table('PAGES') ?? {})
  for (const { path, message } of error?.issues ?? []) {
    reader.addProblem('PAGES', [...path, message].join(': '), EXAMPLE, null)
  }
  const { enabled, name, logo, color, color_dark } = data ?? fields.parse({})
  return {
    enabled,
    name,
    logo: logo ?? null,
    color,
    colorDark: color_dark ?? (color === COLOR ? COLOR_DARK : color),
  }
}

function isImageAddress(href: string): boolean {
  return href.startsWith('https:') || /^data:image\/[a-z+.-]+[;,]/i.test(href)
}

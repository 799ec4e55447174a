import { describe, expect, it } from 'vitest'
import { type Config, readConfig } from '../../src/config/read-config.ts'
import { brandOf, brandStyle } from '../../src/pages/brand.ts'
import { contentSecurityPolicy } from '../../src/pages/content-security-policy.ts'
import { valid } from '../config/example-settings.ts'

const LOGO = 'https://www.example.com/logo.svg'
const DARK = 'https://www.example.com/dark.svg'
const CSS = 'https://www.example.com/theme.css'
const DATA = 'data:image/png;base64,AA=='
const ALL_FILES = ['logo.svg', 'logo-dark.svg', 'favicon.svg', 'theme.css']
const DARK_MODE = '@media(prefers-color-scheme:dark)'

function configOf(PAGES: object): Config {
  const result = readConfig({ ...valid, PAGES })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.config
}

function brand(PAGES: object, ...files: readonly string[]) {
  return brandOf(configOf(PAGES).pages, new Set(files))
}

const style = (PAGES: object) => brandStyle(configOf(PAGES).pages)

function directives(PAGES: object): ReadonlyMap<string, string> {
  const parts = contentSecurityPolicy(configOf(PAGES), 'n').split('; ')
  return new Map(parts.map((part) => [part.split(' ')[0] ?? '', part]))
}

describe('the brand of the pages', () => {
  it.each<[object, readonly string[], object]>([
    [{}, [], { logo: null, logoDark: null, stylesheet: null }],
    [{ logo: LOGO }, [], { logo: LOGO, logoDark: LOGO }],
    [{ logo: LOGO, logo_dark: DARK }, [], { logo: LOGO, logoDark: DARK }],
    [{}, ['logo.svg'], { logo: '/assets/branding/logo.svg', logoDark: '/assets/branding/logo.svg' }],
    [
      {},
      ALL_FILES,
      {
        logo: '/assets/branding/logo.svg',
        logoDark: '/assets/branding/logo-dark.svg',
        favicon: '/assets/branding/favicon.svg',
        stylesheet: '/assets/branding/theme.css',
      },
    ],
    // The file for dark mode belongs to another logo.
    [{ logo: LOGO }, ALL_FILES, { logo: LOGO, logoDark: LOGO }],
    [{ favicon: DATA, stylesheet: CSS }, ALL_FILES, { favicon: DATA, stylesheet: CSS }],
    [{ name: 'Example' }, ['messages.de.json'], { name: 'Example', logo: null, stylesheet: null }],
  ])('takes from PAGES=%j, then from the files %j, what it shows', (PAGES, files, expected) => {
    expect(brand(PAGES, ...files)).toMatchObject(expected)
  })

  it('draws the first letter of the name on the accent colour as the icon by default', () => {
    const { favicon } = brand({ name: '«émile»', color: '#ffee00' })
    expect(favicon).toMatch(/^data:image\/svg\+xml,[\w%.!~*'()-]+$/)
    const svg = decodeURIComponent(favicon)
    expect(svg).toContain('fill="#ffee00"')
    expect(svg).toContain('fill="#000000">É</text>')
  })

  it.each(['<script>', '&amp;', '"/>', '👋'])('draws no markup as the icon of the name %s', (name) => {
    expect(decodeURIComponent(brand({ name }).favicon)).toMatch(/>[SA]?<\/text><\/svg>$/)
  })
})

describe('the style of the pages', () => {
  it('leaves the background and the font to the stylesheet by default', () => {
    expect(style({})).toBe(
      ':root{--radius:12px;--accent:#1f5f8b;--on-accent:#ffffff;--background:initial;--on-background:initial}' +
        `${DARK_MODE}{:root{--accent:#8ec7ee;--on-accent:#000000;--background:initial;--on-background:initial}}`,
    )
  })

  it('sets the colours of each mode, with text that can be read on them', () => {
    const [light = '', dark = ''] = style({
      color: '#ffee00',
      color_dark: '#000080',
      background: '#ffffff',
      background_dark: '#101010',
    }).split(DARK_MODE)
    expect(light).toContain(
      '--accent:#ffee00;--on-accent:#000000;--background:#ffffff;--on-background:#000000',
    )
    expect(dark).toContain(
      '--accent:#000080;--on-accent:#ffffff;--background:#101010;--on-background:#ffffff',
    )
  })

  it('keeps the dark background of dark mode if only one for light mode is given', () => {
    const [light = '', dark = ''] = style({ background: '#ffffff' }).split(DARK_MODE)
    expect(light).toContain('--background:#ffffff;--on-background:#000000')
    expect(dark).toContain('--background:initial;--on-background:initial')
  })

  it('sets the radius and the font', () => {
    expect(style({ radius: 0, font: '"Open Sans", sans-serif' })).toMatch(
      /^:root\{--radius:0px;--font:"Open Sans", sans-serif;--accent:/,
    )
  })
})

describe('the Content-Security-Policy of a brand', () => {
  const byDefault = directives({})

  it.each<[object, string, string]>([
    [{ logo: LOGO }, 'img-src', ` ${LOGO}`],
    [{ logo: LOGO, logo_dark: DARK, favicon: LOGO }, 'img-src', ` ${LOGO} ${DARK}`],
    [{ favicon: 'https://icons.example/i.png?v=2#x' }, 'img-src', ' https://icons.example/i.png'],
    [{ logo: DATA, favicon: DATA }, 'img-src', ''],
    [{ stylesheet: `${CSS}?v=2` }, 'style-src', ` ${CSS}`],
    [
      { stylesheet: "https://www.example.com/a;script-src *,'unsafe-inline'.css" },
      'style-src',
      " https://www.example.com/a%3Bscript-src%20*%2C'unsafe-inline'.css",
    ],
    [
      { stylesheet: 'https://bücher.example:8443/ä' },
      'style-src',
      ' https://xn--bcher-kva.example:8443/%C3%A4',
    ],
    [
      {
        background: '#ffffff',
        font: 'Arial',
        terms_url: 'https://www.example.com/terms',
        support_url: 'mailto:help@example.com',
      },
      'img-src',
      '',
    ],
  ])('allows for PAGES=%j in %s%s, and nothing more', (PAGES, name, added) => {
    const expected = new Map([...byDefault, [name, `${byDefault.get(name)}${added}`]])
    expect(directives(PAGES)).toEqual(expected)
  })
})

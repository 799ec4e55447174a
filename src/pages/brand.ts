/** The look of the pages: that of the setting PAGES, then that of the files in branding/, then the service's own. */
import fileNames from '../../dist/branding.txt'
import type { PagesConfig } from '../config/pages.ts'

/** What a page shows of a brand. Images and stylesheets are addresses, or images as `data:` URLs. */
export interface Brand {
  readonly name: string
  /** Null if a monogram takes its place. */
  readonly logo: string | null
  /** The same in dark mode: null only if `logo` is. */
  readonly logoDark: string | null
  readonly favicon: string
  /** Is loaded after the service's own. */
  readonly stylesheet: string | null
}

/** The names of the files that the build found in branding/. */
const FILES: ReadonlySet<string> = new Set(fileNames.split('\n'))

export function brandOf(pages: PagesConfig, files = FILES): Brand {
  const file = (name: string) => (files.has(name) ? `/assets/branding/${name}` : null)
  // A logo of one source never has the dark variant of the other.
  const logo = pages.logo ?? file('logo.svg')
  const logoDark = pages.logo === null ? (file('logo-dark.svg') ?? logo) : pages.logoDark
  return {
    name: pages.name,
    logo,
    logoDark,
    favicon: pages.favicon ?? file('favicon.svg') ?? monogram(pages),
    stylesheet: pages.stylesheet ?? file('theme.css'),
  }
}

/** @returns the first letter or digit of the name on the accent colour, as an image */
function monogram({ name, color, radius }: PagesConfig): string {
  const letter = /[\p{L}\p{N}]/u.exec(name)?.[0].toUpperCase() ?? ''
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="${radius / 2}" fill="${color}"/><text x="16" y="23" font-family="system-ui,sans-serif" font-size="20" font-weight="600" text-anchor="middle" fill="${textOn(color)}">${letter}</text></svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}

/** @returns CSS, which is safe in HTML: config/pages.ts accepts no value that could end a declaration or an element */
export function brandStyle(pages: PagesConfig): string {
  const { color, colorDark, background, backgroundDark, radius } = pages
  const font = pages.font === null ? '' : `--font:${pages.font};`
  return `:root{--radius:${radius}px;${font}${colors(color, background)}}@media(prefers-color-scheme:dark){:root{${colors(colorDark, backgroundDark)}}}`
}

/** `initial` is as if the property were not set: the stylesheet then uses a colour of its own. */
function colors(accent: string, background: string | null): string {
  const onBackground = background === null ? 'initial' : textOn(background)
  return `--accent:${accent};--on-accent:${textOn(accent)};--background:${background ?? 'initial'};--on-background:${onBackground}`
}

/** @param color `#rrggbb`. @returns black or white, the one with the higher contrast, which is at least 4.5 to 1 */
export function textOn(color: string): '#000000' | '#ffffff' {
  return luminance(color) > 0.179 ? '#000000' : '#ffffff'
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** The look that the setting PAGES gives to the pages. */
import type { PagesConfig } from '../config/pages.ts'

/** @returns the CSS that sets the colours */
export function brandStyle({ color, colorDark }: PagesConfig): string {
  const properties = (accent: string) => `--accent:${accent};--on-accent:${textOn(accent)}`
  return `:root{${properties(color)}}@media(prefers-color-scheme:dark){:root{${properties(colorDark)}}}`
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

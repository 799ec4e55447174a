/**
 * Draws requests per second at 32 connections as an SVG bar chart with a logarithmic scale, legible on light and dark
 * backgrounds.
 */
import type { Result } from './rounds.ts'

const WIDTH = 900
const LABEL_WIDTH = 330
const BAR_HEIGHT = 13
const ROW_HEIGHT = 46
const TOP = 58
const DECADES = 5
const OURS = '#0a7d5a'
const THEIRS = '#8a8f98'
const INK = '#6b7280'

export function chartOf(results: readonly Result[]): string {
  const height = TOP + results.length * ROW_HEIGHT + 12
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Requests per second at 32 connections">`,
    key(),
    ...scale(height),
    ...results.map(row),
    '</svg>',
    '',
  ].join('\n')
}

function key(): string {
  const entry = (x: number, color: string, text: string) =>
    `<rect x="${x}" y="10" width="12" height="12" fill="${color}"/><text x="${x + 18}" y="20" fill="${INK}">${text}</text>`
  const title = `<text x="0" y="20" fill="${INK}">requests per second, 32 connections</text>`
  return title + entry(LABEL_WIDTH, OURS, 'Gatehouse') + entry(LABEL_WIDTH + 110, THEIRS, 'compared with')
}

function scale(height: number): readonly string[] {
  return Array.from({ length: DECADES + 1 }, (_, decade) => {
    const x = LABEL_WIDTH + widthOf(10 ** decade)
    const label = (10 ** decade).toLocaleString('en-GB')
    const line = `<line x1="${x}" x2="${x}" y1="${TOP - 8}" y2="${height}" stroke="${INK}" stroke-opacity="0.25"/>`
    return `${line}<text x="${x}" y="${TOP - 14}" text-anchor="middle" fill="${INK}">${label}</text>`
  })
}

function row({ pair, rates }: Result, index: number): string {
  const y = TOP + index * ROW_HEIGHT
  const { ours, theirs } = rates.at(-1) ?? { ours: 1, theirs: 1 }
  const bar = (top: number, perSecond: number, color: string) => {
    const width = widthOf(perSecond)
    const rect = `<rect x="${LABEL_WIDTH}" y="${top}" width="${width}" height="${BAR_HEIGHT}" fill="${color}"/>`
    return `${rect}<text x="${LABEL_WIDTH + width + 6}" y="${top + 11}" fill="${INK}">${Math.round(perSecond).toLocaleString('en-GB')}</text>`
  }
  const label = `<text x="0" y="${y + 11}" fill="${INK}" font-weight="600">${escapeText(pair.call)}</text>`
  const comparedWith = `<text x="0" y="${y + 27}" fill="${INK}">${escapeText(pair.comparedWith)}</text>`
  return label + comparedWith + bar(y, ours, OURS) + bar(y + BAR_HEIGHT + 3, theirs, THEIRS)
}

/** @param perSecond at least 1 */
function widthOf(perSecond: number): number {
  const share = Math.log10(Math.max(1, perSecond)) / DECADES
  return Math.round(share * (WIDTH - LABEL_WIDTH - 60))
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** That the relative links of the documents lead somewhere. */
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import { describe, expect, it } from 'vitest'
import { type Document, documents, ROOT } from './documents.ts'

/** Without code, in which brackets are no links. */
const proseOf = (text: string) => text.replace(/^ *```[\s\S]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, '``')

/** The targets of `[text](target)`, `[name]: target`, `<a href>` and `<img src>`. */
function linksOf({ text }: Document): readonly string[] {
  const found = proseOf(text).matchAll(/\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]: (\S+)|\b(?:href|src)="([^"]+)"/gm)
  return [...found].map(([, inline, reference, html]) => inline ?? reference ?? html ?? '')
}

/** The anchors that GitHub gives to headings: the same heading a second time gets `-1`. */
function anchorsOf({ text }: Document): readonly string[] {
  const headings = text.replace(/^ *```[\s\S]*?^ *```$/gm, '').matchAll(/^#+ (.+)$/gm)
  const names = [...headings].map(([, heading = '']) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return names.map((name, at) => {
    const earlier = names.slice(0, at).filter((other) => other === name).length
    return earlier === 0 ? name : `${name}-${earlier}`
  })
}

const anchors = new Map(documents.map((document) => [document.path, anchorsOf(document)]))

/** @returns true for addresses of other hosts, which are not looked up */
function leadsSomewhere(from: string, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return true
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? from : normalize(join(dirname(from), path))
  if (!existsSync(join(ROOT, target))) return false
  return anchor === undefined || anchors.get(target)?.includes(anchor) === true
}

const broken = (document: Document) =>
  linksOf(document).filter((link) => !leadsSomewhere(document.path, link))

describe('links of documents', () => {
  it.each(documents.map(({ path, text }) => [path, text] as const))(
    'lead to files and headings: %s',
    (path, text) => {
      expect(broken({ path, text })).toEqual([])
    },
  )

  it('are found, and refused without a file or a heading', () => {
    expect(documents.flatMap(linksOf).length).toBeGreaterThan(200)
    const text = [
      '[a](nothing.md) [b](docs/README.md#nothing) [c](#nothing) `[d](nothing.md)` [e](#a-heading-1)',
      '[f]: nothing.md',
      '<img src="nothing.png"> [g](docs/README.md#guides "title") [h](https://example.com/nothing)',
      '# A *heading*!\n## A heading',
    ].join('\n')
    const invented = { path: 'CHANGELOG.md', text }
    expect(broken(invented)).toEqual([
      'nothing.md',
      'docs/README.md#nothing',
      '#nothing',
      '#a-heading-1',
      'nothing.md',
      'nothing.png',
    ])
    expect(anchorsOf(invented)).toEqual(['a-heading', 'a-heading-1'])
  })
})

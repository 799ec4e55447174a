/** The files of an operator's brand, in the folder `branding/`: checks them, and makes the assets of them. */
import { isUtf8 } from 'node:buffer'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildFailure, buildSync, type Message } from 'esbuild'
import { SaxesParser } from 'saxes'

export interface Branding {
  /** The text of each asset, by the name of its file. */
  readonly files: ReadonlyMap<string, string>
  /** A sentence for each. */
  readonly problems: readonly string[]
}

type Checked = { readonly text: string } | { readonly problem: string }

const MAX_KIB = 64
/** Files that systems create by themselves, and texts of the pages, which are checked where the languages are built. */
const IGNORED = /^\.|^messages\..*json$/i
/** By the name of the file. Each takes the text. */
const READERS: ReadonlyMap<string, (text: string, folder: string) => Checked> = new Map([
  ['logo.svg', readSvg],
  ['logo-dark.svg', readSvg],
  ['favicon.svg', readSvg],
  ['theme.css', readTheme],
])

/**
 * @param folder need not exist
 * @returns the files, and the problems of all of them
 */
export function readBranding(folder: string): Branding {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !IGNORED.test(name)) : []
  const files = new Map<string, string>()
  const problems: string[] = []
  for (const name of names.toSorted()) {
    const checked = readFile(folder, name)
    if ('text' in checked) files.set(name, checked.text)
    else problems.push(`branding/${name} ${checked.problem}.`)
  }
  if (names.includes('logo-dark.svg') && !names.includes('logo.svg')) {
    problems.push('branding/logo-dark.svg needs branding/logo.svg, which is shown in light mode.')
  }
  return { files, problems }
}

function readFile(folder: string, name: string): Checked {
  const path = join(folder, name)
  const read = READERS.get(name)
  if (read === undefined || !statSync(path).isFile()) {
    return { problem: `is not one of the files ${[...READERS.keys()].join(', ')}` }
  }
  const bytes = readFileSync(path)
  if (bytes.length > MAX_KIB * 1024) return { problem: `has more than ${MAX_KIB} KiB` }
  if (!isUtf8(bytes)) return { problem: 'is not UTF-8' }
  return read(bytes.toString(), folder)
}

const SVG = 'http://www.w3.org/2000/svg'
const HTML = 'http://www.w3.org/1999/xhtml'
/** They run scripts, show documents or lead to them. */
const REFUSED_ELEMENTS = ['script', 'foreignobject', 'a', 'iframe', 'object', 'embed', 'handler', 'listener']
/** A reference that needs no request: to a part of the image, or to an image of pixels in the address itself. */
const INNER_REFERENCE = /^(?:#|data:image\/(?:png|jpeg|gif|webp|avif)[;,])/i
/** Where CSS refers to something. A backslash could hide it. */
const CSS_REFERENCES = /url\(\s*["']?([^)]*)|@import|image-set|\\/gi

/** A browser that opens the address of an SVG shows a document of the service's origin, so nothing in it may act. */
function readSvg(text: string): Checked {
  const problems: string[] = []
  const parser = new SaxesParser({ xmlns: true })
  let element = ''
  const checkCss = (css: string) => {
    if (hasOuterReference(css)) problems.push('refers to something outside the image')
  }
  const checkText = (css: string) => {
    if (element === 'style') checkCss(css)
  }
  parser.on('error', ({ message }) =>
    problems.push(`is not well-formed XML at ${message.replace(/\.$/, '')}`),
  )
  parser.on('doctype', (doctype) => {
    if (doctype.includes('[')) problems.push('defines entities or attributes of its own')
  })
  parser.on('processinginstruction', ({ target }) => problems.push(`contains the instruction <?${target}?>`))
  parser.on('text', checkText)
  parser.on('cdata', checkText)
  parser.on('opentag', ({ local, uri, attributes }) => {
    if (element === '' && (local !== 'svg' || uri !== SVG)) problems.push(`has no root <svg xmlns="${SVG}">`)
    element = local
    if (uri === HTML || REFUSED_ELEMENTS.includes(local.toLowerCase())) problems.push(`contains <${local}>`)
    for (const attribute of Object.values(attributes)) {
      if (isRefused(attribute)) problems.push(`contains the attribute ${attribute.name}="${attribute.value}"`)
      if (uri === SVG && attribute.uri === '') checkCss(attribute.value)
    }
  })
  parser.write(text).close()
  const [problem] = problems
  return problem === undefined ? { text } : { problem }
}

/** Event handlers, references to the outside, and animations that would make one. */
function isRefused({ local, value }: { readonly local: string; readonly value: string }): boolean {
  const name = local.toLowerCase()
  if (name === 'href' || name === 'src') return !INNER_REFERENCE.test(value.trim())
  return name.startsWith('on') || (name === 'attributename' && /href$/i.test(value.trim()))
}

function hasOuterReference(css: string): boolean {
  return [...css.matchAll(CSS_REFERENCES)].some(([, target = '']) => !INNER_REFERENCE.test(target))
}

/** A string, or an address without quotes. esbuild writes escapes of letters as these letters. */
const CSS_TARGETS = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|url\((?!["'])([^)]*)\)/g
const OWN_ORIGIN = 'https://own.invalid'

/** Makes one file without comments: what the stylesheet imports and the images beside it become part of it. */
function readTheme(text: string, folder: string): Checked {
  const { css, message } = bundle(text, folder)
  if (message !== undefined) {
    return { problem: `is not valid CSS in line ${message.location?.line ?? 1}: ${message.text}` }
  }
  const targets = [...css.matchAll(CSS_TARGETS)].map(([, ...groups]) => groups.join(''))
  const outer = targets.find((target) => isOnAnotherHost(target.replaceAll(/\\(.)/g, '$1')))
  return outer === undefined ? { text: css } : { problem: `refers to ${outer}, which is on another host` }
}

/** @returns the CSS, and the first error or warning */
function bundle(contents: string, resolveDir: string): { css: string; message: Message | undefined } {
  try {
    const { outputFiles, warnings } = buildSync({
      stdin: { contents, resolveDir, loader: 'css' },
      bundle: true,
      minify: true,
      write: false,
      legalComments: 'none',
      loader: { '.svg': 'dataurl' },
      external: ['/assets/*'],
      logLevel: 'silent',
    })
    return { css: outputFiles[0]?.text ?? '', message: warnings[0] }
  } catch (error) {
    return { css: '', message: (error as BuildFailure).errors[0] }
  }
}

function isOnAnotherHost(target: string): boolean {
  const url = URL.parse(target, OWN_ORIGIN)
  return url !== null && /^https?:$/.test(url.protocol) && url.origin !== OWN_ORIGIN
}

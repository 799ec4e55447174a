import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readBranding } from '../../scripts/branding.ts'

const svg = (content: string, attributes = '') =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"${attributes}>${content}</svg>`
const LOGO = svg('<path d="M0 0h8v8z" fill="#0b57d0"/>')

function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-branding-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

function problemsOf(files: Readonly<Record<string, string | Uint8Array>>): readonly string[] {
  return readBranding(folderWith(files)).problems
}

function themeOf(css: string) {
  const { files, problems } = readBranding(folderWith({ 'theme.css': css, 'logo.svg': LOGO }))
  return { css: files.get('theme.css'), problems }
}

describe('the files in branding/', () => {
  it('may be missing, all or some', () => {
    expect(readBranding(join(folderWith({}), 'missing'))).toEqual({ files: new Map(), problems: [] })
    expect(readBranding(folderWith({ '.DS_Store': '\0', 'messages.de.json': '{}' }))).toEqual({
      files: new Map(),
      problems: [],
    })
    expect([...readBranding(folderWith({ 'favicon.svg': LOGO })).files.keys()]).toEqual(['favicon.svg'])
  })

  it.each(['Logo.svg', 'logo.png', 'theme.scss', 'toString', 'index.html'])('are not called %s', (name) => {
    expect(problemsOf({ [name]: LOGO })).toEqual([
      `branding/${name} is not one of the files logo.svg, logo-dark.svg, favicon.svg, theme.css.`,
    ])
  })

  it('are no folders', () => {
    const folder = folderWith({})
    mkdirSync(join(folder, 'logo.svg'))
    expect(readBranding(folder).problems).toEqual([
      expect.stringMatching(/^branding\/logo\.svg is not one of/),
    ])
  })

  it('have a logo for light mode if they have one for dark mode', () => {
    expect(problemsOf({ 'logo-dark.svg': LOGO })).toEqual([
      expect.stringMatching(/needs branding\/logo\.svg/),
    ])
    expect(problemsOf({ 'logo-dark.svg': LOGO, 'logo.svg': LOGO })).toEqual([])
  })

  it('have at most 64 KiB, in UTF-8', () => {
    const ofBytes = (bytes: number) => LOGO + ' '.repeat(bytes - LOGO.length)
    expect(problemsOf({ 'logo.svg': ofBytes(65_536), 'theme.css': ' '.repeat(65_536) })).toEqual([])
    expect(problemsOf({ 'logo.svg': ofBytes(65_537) })).toEqual(['branding/logo.svg has more than 64 KiB.'])
    expect(problemsOf({ 'theme.css': Uint8Array.of(0xff) })).toEqual(['branding/theme.css is not UTF-8.'])
  })

  it('have their problems named all at once, one for each file', () => {
    const problems = problemsOf({ 'a.txt': '', 'logo.svg': '<svg/>', 'theme.css': '}' })
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'branding/a.txt',
      'branding/logo.svg',
      'branding/theme.css',
    ])
  })
})

describe('an SVG in branding/', () => {
  it.each([
    LOGO,
    `\uFEFF<?xml version="1.0" encoding="utf-8"?>\n<!-- Made by an editor -->\n${LOGO}\n`,
    `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">${LOGO}`,
    svg('<style>.a{fill:url(#g)}@media(prefers-color-scheme:dark){.a{fill:#fff}}</style><path class="a"/>'),
    svg('<defs><path id="p"/></defs><use href="#p"/><use xlink:href="#p" style="fill:url(\'#g\')"/>'),
    svg('<image href="data:image/png;base64,AA=="/><title>50 &amp; more \\ url(x)</title>'),
    svg('<sodipodi:namedview pagecolor="#fff" a="C:\\x"/>', ' xmlns:sodipodi="http://sodipodi.example/"'),
  ])('is served as it is: %s', (text) => {
    const { files, problems } = readBranding(folderWith({ 'logo.svg': text }))
    expect(problems).toEqual([])
    expect(files.get('logo.svg')).toBe(text)
  })

  it.each([
    ['', 'is not well-formed XML at 1:0'],
    ['not an image', 'is not well-formed XML at 1:'],
    [svg('<g>'), 'is not well-formed XML at 1:'],
    [svg('<g a=1/>'), 'is not well-formed XML at 1:'],
    [svg('Black & White'), 'is not well-formed XML at 1:'],
    [svg('&nbsp;'), 'is not well-formed XML at 1:'],
    [svg('<x:script/>'), 'is not well-formed XML at 1:'],
    [`${LOGO}${LOGO}`, 'is not well-formed XML at 1:'],
    ['<svg/>', 'has no root <svg xmlns='],
    ['<html xmlns="http://www.w3.org/1999/xhtml"/>', 'has no root <svg xmlns='],
    [`<g xmlns="http://www.w3.org/2000/svg">${LOGO}</g>`, 'has no root <svg xmlns='],
    [`<!DOCTYPE svg [<!ATTLIST svg onload CDATA "alert(1)">]>${LOGO}`, 'defines entities or attributes'],
    [
      `<?xml-stylesheet href="https://x.example/a.css"?>${LOGO}`,
      'contains the instruction <?xml-stylesheet?>',
    ],
    [svg('<script>alert(1)</script>'), 'contains <script>'],
    [svg('<SCRIPT/>'), 'contains <SCRIPT>'],
    [svg('<s:script/>', ' xmlns:s="http://www.w3.org/2000/svg"'), 'contains <script>'],
    [svg('<h:p/>', ' xmlns:h="http://www.w3.org/1999/xhtml"'), 'contains <p>'],
    [svg('<foreignObject/>'), 'contains <foreignObject>'],
    [svg('<a href="#x"/>'), 'contains <a>'],
    [svg('', ' onload="alert(1)"'), 'contains the attribute onload="alert(1)"'],
    [svg('<g OnClick=""/>'), 'contains the attribute OnClick=""'],
    [svg('<use href="https://x.example/a.svg#b"/>'), 'contains the attribute href="https://x.example'],
    [svg('<use xlink:href="//x.example/a.svg"/>'), 'contains the attribute xlink:href="//x.example'],
    [svg('<image href="a.png"/>'), 'contains the attribute href="a.png"'],
    [svg('<image href="data:image/svg+xml,x"/>'), 'contains the attribute href="data:image/svg+xml,x"'],
    [svg('<set attributeName="xlink:href" to="x"/>'), 'contains the attribute attributeName="xlink:href"'],
    [svg('<g fill="url(https://x.example/a)"/>'), 'refers to something outside'],
    [svg('<g style="fill: URL( \'a.svg#b\')"/>'), 'refers to something outside'],
    [svg('<g style="fill: \\75rl(a)"/>'), 'refers to something outside'],
    [svg('<style>@import "a.css";</style>'), 'refers to something outside'],
    [svg('<style><![CDATA[*{fill:url(//x.example)}]]></style>'), 'refers to something outside'],
    [svg('<style>*{fill:&#117;rl(//x.example)}</style>'), 'refers to something outside'],
    [svg('<style>*{mask:image-set("https://x.example" 1x)}</style>'), 'refers to something outside'],
  ])('may not be %s', (text, problem) => {
    expect(problemsOf({ 'logo.svg': text })).toEqual([
      expect.stringContaining(`branding/logo.svg ${problem}`),
    ])
  })
})

describe('theme.css in branding/', () => {
  it('is served without comments, with the images beside it inside', () => {
    const { css, problems } = themeOf('/*! mine */ body { background: url("logo.svg") no-repeat }')
    expect(problems).toEqual([])
    expect(css).toMatch(/^body\{background:url\(.?data:image\/svg\+xml,.*0b57d0.*\) no-repeat\}\n$/s)
  })

  it.each([
    '.card { background: url(/assets/branding/logo.svg) }',
    `.card { background: url("data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'/%3E") }`,
    `.card::before { content: "Note: /* 50 % */" }`,
    '@media (prefers-color-scheme: dark) { :root { --accent: #a8c7fa } }',
    '',
  ])('may be %s', (css) => {
    expect(themeOf(css).problems).toEqual([])
  })

  it.each([
    '@import "https://x.example/a.css";',
    '@import url(//x.example/a.css);',
    '.a { background: url(https://x.example/a.png) }',
    '.a { background: url("//x.example/a.png") }',
    '.a { background: image-set(" https://x.example/a.png" 1x) }',
    String.raw`.a { background: image-set("\\\\x.example/a.png" 1x) }`,
    String.raw`.a { background: u\72l("\68ttps://x.example/a.png") }`,
    '.a { background: image-set("https://x.example/a.png" 1x) }',
    '@font-face { font-family: a; src: url(https://x.example/a.woff2) }',
  ])('may not refer to another host: %s', (css) => {
    expect(themeOf(css).problems).toEqual([
      expect.stringMatching(/^branding\/theme\.css refers to .*x\.example.*, which is on another host\.$/),
    ])
  })

  it.each([
    ['a {\n colr: red\n}', 2],
    ['a { color: red }}', 1],
    ['a {\n\n color: "red\n}', 3],
    ['@import "missing.css";', 1],
    ['a { background: url(missing.png) }', 1],
    [String.raw`a { background: url("\\\\x.example/a.png") }`, 1],
  ])('must be valid: %j', (css, line) => {
    expect(themeOf(css).problems).toEqual([
      expect.stringContaining(`branding/theme.css is not valid CSS in line ${line}: `),
    ])
  })
})

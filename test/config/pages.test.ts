import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import { valid } from './example-settings.ts'

const LOGO = 'https://www.example.com/logo.svg'

function problemsWith(PAGES: object): readonly string[] {
  const result = readConfig({ ...valid, PAGES })
  const problems = result.ok ? [] : result.problems
  expect(problems.filter(({ variable }) => variable !== 'PAGES')).toEqual([])
  return problems.map(({ problem }) => problem)
}

describe('PAGES', () => {
  it.each<[string, unknown, string, unknown]>([
    ['logo', 'HTTPS://www.Example.com/logo.svg', 'logo', LOGO],
    ['logo', 'DATA:image/svg+xml;base64,PHN2Zy8+', 'logo', 'data:image/svg+xml;base64,PHN2Zy8+'],
    ['logo', LOGO, 'logoDark', LOGO],
    ['favicon', 'https://www.example.com/a b.png', 'favicon', 'https://www.example.com/a%20b.png'],
    ['favicon', 'data:image/png;base64,AA==', 'favicon', 'data:image/png;base64,AA=='],
    ['color', '#123456', 'color', '#123456'],
    ['color', '#123456', 'colorDark', '#123456'],
    ['color_dark', '#ABCDEF', 'colorDark', '#ABCDEF'],
    ['background', '#ABCDEF', 'background', '#ABCDEF'],
    ['background', '#ABCDEF', 'backgroundDark', null],
    ['background_dark', '#000000', 'backgroundDark', '#000000'],
    ['radius', 0, 'radius', 0],
    ['radius', 24, 'radius', 24],
    ['font', 'Georgia, serif', 'font', 'Georgia, serif'],
    ['font', `"Source Sans 3",'Noto Sans', Open Sans`, 'font', `"Source Sans 3",'Noto Sans', Open Sans`],
    ['font', '-apple-system, system-ui', 'font', '-apple-system, system-ui'],
    ['font', '"思源黑体"', 'font', '"思源黑体"'],
    ['stylesheet', 'https://www.example.com/a.css?v=2', 'stylesheet', 'https://www.example.com/a.css?v=2'],
    ['terms_url', 'https://www.example.com/terms', 'termsUrl', 'https://www.example.com/terms'],
    ['privacy_url', 'https://www.example.com', 'privacyUrl', 'https://www.example.com/'],
    ['support_url', 'https://www.example.com/help', 'supportUrl', 'https://www.example.com/help'],
    ['support_url', 'mailto:help@example.com', 'supportUrl', 'mailto:help@example.com'],
    [
      'support_url',
      'mailto:help@example.com?subject=Login',
      'supportUrl',
      'mailto:help@example.com?subject=Login',
    ],
    ['identifiers', ['email'], 'identifiers', ['email']],
    ['identifiers', ['phone', 'username', 'email'], 'identifiers', ['phone', 'username', 'email']],
    ['languages', ['de'], 'languages', ['de']],
    ['languages', ['zh-Hant', 'en'], 'languages', ['zh-Hant', 'en']],
  ])('reads %s = %j as %s = %j', (name, value, field, expected) => {
    expect(readConfig({ ...valid, PAGES: { [name]: value } })).toMatchObject({
      config: { pages: { [field]: expected } },
    })
  })

  it.each<[string, unknown]>([
    ['enabled', 'no'],
    ['name', ''],
    ['name', 'x'.repeat(65)],
    ...['logo', 'favicon'].flatMap((name): [string, unknown][] => [
      [name, 'http://www.example.com/logo.png'],
      [name, 'https://user@www.example.com/logo.png'],
      [name, 'javascript:alert(1)'],
      [name, 'data:text/html,x'],
      [name, '/logo.png'],
      [name, ''],
    ]),
    ['color', 'red'],
    ['color', '#12345'],
    ['color_dark', '#123456;}'],
    ['background', 'url(//evil.example)'],
    ['background', '#fff'],
    ['background_dark', '#123456\n'],
    ['background_dark', ''],
    ['radius', -1],
    ['radius', 25],
    ['radius', 1.5],
    ['radius', '12'],
    ['radius', '12px;}'],
    ...[
      '',
      ',',
      'Arial,',
      'Arial;color:red',
      'Arial}body{display:none',
      'Arial/**/',
      'Arial!important',
      'url(//evil.example)',
      'var(--x)',
      '"Arial',
      `"Arial'`,
      `"Ari"al"`,
      '"A;B"',
      '"A\\22 B"',
      'A\\;B',
      '"A\nB"',
      'A\nB',
      '</style><script>alert(1)</script>',
      '"</style>"',
      '3 Sans',
      '"思源黑体", 思源黑体;',
      `"${'x'.repeat(199)}"`,
    ].map((font): [string, unknown] => ['font', font]),
    ['font', 12],
    ['stylesheet', 'http://www.example.com/a.css'],
    ['stylesheet', 'data:text/css,*{}'],
    ['stylesheet', 'https://user:secret@www.example.com/a.css'],
    ['stylesheet', '//www.example.com/a.css'],
    ['terms_url', 'http://www.example.com/terms'],
    ['terms_url', 'javascript:alert(1)'],
    ['terms_url', 'mailto:help@example.com'],
    ['privacy_url', 'privacy'],
    ['support_url', 'mailto:'],
    ['support_url', 'mailto:help'],
    ['support_url', 'mailto:?body=help@example.com'],
    ['support_url', 'tel:123'],
    ['identifiers', []],
    ['identifiers', ['email', 'email']],
    ['identifiers', ['mail']],
    ['identifiers', 'email'],
    ['languages', []],
    ['languages', ['en', 'en']],
    ['languages', ['zh']],
    ['languages', ['EN']],
    ['languages', 'en'],
    ['colour', '#123456'],
  ])('rejects %s = %j, and names the field', (name, value) => {
    expect(problemsWith({ [name]: value })).toEqual([expect.stringContaining(name)])
  })

  it('rejects a logo for dark mode without one for light mode', () => {
    expect(problemsWith({ logo_dark: LOGO })).toEqual([expect.stringContaining('logo_dark')])
    expect(problemsWith({ logo_dark: LOGO, logo: LOGO })).toEqual([])
  })

  it('names the problems of all fields at once', () => {
    const problems = problemsWith({ font: ';', radius: 99, languages: [], logo_dark: LOGO })
    const fields = problems.map((problem) => problem.split(':')[0])
    expect(fields.toSorted()).toEqual(['font', 'languages', 'logo_dark', 'radius'])
  })

  it('is read from JSON, too', () => {
    expect(readConfig({ ...valid, PAGES: '{ "color": "#123456" }' })).toMatchObject({
      config: { pages: { color: '#123456', colorDark: '#123456' } },
    })
  })
})

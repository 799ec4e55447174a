import { describe, expect, it } from 'vitest'
import { ERRORS } from '../src/errors/codes.ts'

/** Every source file as text, by its path below src/. */
const sources = Object.fromEntries(
  Object.entries(
    import.meta.glob<string>('../src/**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true }),
  ).map(([path, text]) => [path.replace('../src/', ''), text]),
)

/** Every document as text, and the schema, by path. */
const documents = {
  ...import.meta.glob<string>('../docs/**/*', { query: '?raw', import: 'default', eager: true }),
  ...import.meta.glob<string>('../{README.md,schema.sql}', { query: '?raw', import: 'default', eager: true }),
}

const tests = import.meta.glob<string>('./**/*.ts', { query: '?raw', import: 'default', eager: true })

const logEvents = documents['../docs/log-events.md'] ?? ''

/** The rows of the layout, top to bottom: a file imports from rows below its own, and from its own folder. */
const ROWS: readonly (readonly string[])[] = [
  ['index'],
  ['isolate'],
  ['app'],
  ['api'],
  ['routes', 'pages', 'gateway'],
  ['http'],
  ['actions'],
  ['services'],
  ['shared-record'],
  ['accounts', 'passwords', 'tokens', 'sessions', 'limits', 'challenge', 'settings', 'clients'],
  // The objects of accounts have an outbox, too.
  ['outbox'],
  ['config'],
  // The table of the limit rules is data, from which the config derives names, bounds and defaults.
  ['limits/rules.ts'],
  ['messages'],
  ['errors'],
  ['crypto', 'runtime'],
  ['verify', 'client'],
]

const folderOf = (path: string) => path.split('/')[0]?.replace(/\.tsx?$/, '') ?? ''
/** What a row names: a folder, or a file that has a row of its own. */
const placeOf = (path: string) => (ROWS.flat().includes(path) ? path : folderOf(path))
const rowOf = (path: string) => ROWS.findIndex((places) => places.includes(placeOf(path)))

interface Import {
  readonly from: string
  readonly to: string
}

/** The imports of values; those of types alone may point anywhere. */
function valueImports(): readonly Import[] {
  return Object.entries(sources).flatMap(([path, text]) => {
    const statements = text.matchAll(/^(?:import|export) (?!type )([^'"]*)from '([^']+)'/gm)
    return [...statements]
      .filter(([, names = '']) => !/^\{(\s*type [^,}]+,?)+\s*\}\s*$/.test(names))
      .map(([, , to = '']) => ({ from: path, to: resolve(path, to) }))
  })
}

function resolve(from: string, to: string): string {
  return to.startsWith('.') ? new URL(to, `https://source/${from}`).pathname.slice(1) : to
}

const imports = valueImports()
const own = imports.filter(({ to }) => to in sources)

describe('the layout of the source', () => {
  it('has files only in the folders of its rows', () => {
    expect(Object.keys(sources).length).toBeGreaterThan(50)
    expect(Object.keys(sources).filter((path) => rowOf(path) === -1)).toEqual([])
  })

  it('imports values only from lower rows or from its own folder', () => {
    expect(own.length).toBeGreaterThan(100)
    const upwards = own.filter(({ from, to }) => placeOf(from) !== placeOf(to) && rowOf(to) <= rowOf(from))
    expect(upwards).toEqual([])
  })

  it('imports Hono only in front ends', () => {
    const folders = imports.filter(({ to }) => /^(hono|@hono)\b/.test(to)).map(({ from }) => folderOf(from))
    expect(new Set(folders)).toEqual(new Set(['app', 'routes', 'pages', 'gateway', 'http']))
  })

  it('imports only jose in the verify library, and only types of frameworks', () => {
    const needed = imports.filter(({ from, to }) => folderOf(from) === 'verify' && folderOf(to) !== 'verify')
    expect(new Set(needed.map(({ to }) => to))).toEqual(new Set(['jose']))
  })

  it('imports nothing across the border of the browser SDK', () => {
    const across = imports.filter(
      ({ from, to }) => (folderOf(from) === 'client') !== (folderOf(to) === 'client'),
    )
    // Scripts of the hosted pages run in browsers and may use the SDK.
    expect(across.filter(({ from }) => !from.startsWith('pages/browser/'))).toEqual([])
  })

  it.each([
    ['SQL only in stores', /\.prepare\(/, /store\.ts$/],
    [
      'the clock only where a request, an RPC or an alarm begins, where a log line is written, and in browsers',
      /Date\.now\(|new Date\(\)/,
      /^(isolate|runtime\/log|http\/middleware\/provide-context|sessions\/account-object|limits\/attempt-counter|client\/(session|service)|pages\/browser\/countdown)\.ts$/,
    ],
    ['the console only in the log', /\bconsole\./, /^runtime\/log\.ts$/],
    ['no Math.random', /Math\.random/, /^$/],
    ['no TODO', /TODO|FIXME|XXX/, /^$/],
  ])('has %s', (_rule, pattern, allowed) => {
    const found = Object.keys(sources).filter((path) => pattern.test(sources[path] ?? ''))
    expect(found.filter((path) => !allowed.test(path))).toEqual([])
  })
})

describe('paths in documents', () => {
  it('names only files of the source that exist', () => {
    const named = Object.entries(documents).flatMap(([path, text]) =>
      [...text.matchAll(/`(?:src\/)?((?:[a-z-]+\/)*[a-z-]+\.tsx?)`/g)].map(([, file = '']) => [path, file]),
    )
    expect(named.length).toBeGreaterThan(20)
    const known = (file: string) => file in sources || /^(bench|scripts|test|examples)\//.test(file)
    expect(named.filter(([path, file = '']) => !path?.includes('/spa') && !known(file))).toEqual([])
  })
})

describe('the walks of docs/architecture.md', () => {
  const text = documents['../docs/architecture.md'] ?? ''
  const walk = (title: string) => {
    const section = text.split(`\n### ${title}\n`)[1]?.split(/\n##/)[0] ?? ''
    return [...section.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file = '']) => file)
  }

  it.each([
    ['A registration', 36],
    ['A failed login', 28],
    ['A refresh', 16],
    ['A gateway request', 17],
  ])('enter each file once, and no more files than today: %s', (title, most) => {
    const files = walk(title)
    expect(files.length).toBeGreaterThan(10)
    expect(files.length).toBeLessThanOrEqual(most)
    expect(new Set(files).size).toBe(files.length)
  })
})

describe('the list of log events', () => {
  /** By name, at which levels: a row of the table under "Events". */
  const documented = new Map(
    [...logEvents.matchAll(/^\| `([a-z_]+)` \| ((?:info|warn|error)(?:, (?:warn|error))?) \|/gm)].map(
      ([, event = '', levels = '']) => [event, levels.split(', ')],
    ),
  )
  const union =
    /export type LogEvent =((?:\s+\| '[a-z_]+')+)/.exec(sources['runtime/log.ts'] ?? '')?.[1] ?? ''
  const events = [...union.matchAll(/'([a-z_]+)'/g)].map(([, event = '']) => event)
  /** An error response is logged under its code. */
  const faults = Object.entries(ERRORS).flatMap(([code, { status }]) => (status >= 500 ? [code] : []))

  it('lists every log event of the source, and no other', () => {
    expect(events.length).toBeGreaterThan(20)
    expect([...documented.keys()].toSorted()).toEqual([...new Set([...events, ...faults])].toSorted())
  })

  it('declares no log event that is never written', () => {
    const texts = Object.entries(sources).filter(([path]) => path !== 'runtime/log.ts')
    const unwritten = events.filter((event) => !texts.some(([, text]) => text.includes(`'${event}'`)))
    expect(unwritten).toEqual([])
  })

  it('lists each log event with the level at which it is written', () => {
    const written = Object.values(sources).flatMap((text) => [
      ...text.matchAll(/\blog\(\s*'(info|warn|error)',\s*'([a-z_]+)'/g),
    ])
    expect(written.length).toBeGreaterThan(12)
    const wrong = written.filter(([, level = '', event = '']) => !documented.get(event)?.includes(level))
    expect(wrong.map(([call]) => call)).toEqual([])
  })

  it('lists every member of the log line of a request', () => {
    const line = sources['http/middleware/request-log.ts'] ?? ''
    const fields = [...line.matchAll(/^ {4}([a-z_]+)(?::|,$)/gm)].map(([, name = '']) => name)
    expect(fields).toContain('address_digest')
    expect(fields.filter((name) => !logEvents.includes(`\`${name}\``))).toEqual([])
  })
})

describe('the vocabulary', () => {
  const WORDS = [
    'whoever',
    'nobody',
    'alike',
    'meanwhile',
    'stand-in',
    'sees to',
    'goes by',
    'stands in',
    'out of reach',
    'is none',
    'are none',
    'log ins',
    'a log in',
    'the log in',
  ]
  /** Names that the glossary has replaced. */
  const NAMES = [
    'to_tell',
    'to_tell_row_stays',
    'unheld_session_stays',
    'kept_session',
    'kept_secret_hash',
    'sessions_from',
    'tellAccount',
    'tellChange',
    'tellEdit',
    'noteTold',
    'AccountFacts',
    'Grant',
    'inTime',
    'Overdue',
    'isDearEnough',
    'KnownBlocks',
    'CounterNames',
    'passedOn',
    'passedBack',
    'plainPath',
    'GATES_OWN',
    'letThrough',
    'ofOrigin',
    'ownForm',
    'pageGrant',
    'meansCookie',
    'enter-pages',
    'too_cheap',
    'AUTH_SECRET_ALSO',
  ]
  const CALLS = /\b(?:reach|within)[(<]|\bbasis\b|'nearest'/
  /** A sentence may go on in the next line of a comment. */
  const inOneLine = (text: string) => text.replace(/\s*\n[ \t]*(?:\*(?!\/)|\/\/|--)?[ \t]*/g, ' ')
  const wholeWords = (words: readonly string[], flags: string) =>
    new RegExp(`(?<![\\w-])(?:${words.join('|')})(?![\\w-])`, flags)
  /** Titles of tests and of their groups, without the rows of a table. */
  const titlesOf = (text: string) =>
    [...text.matchAll(/(?:\b(?:it|describe)\(|[\])}]\)\()\s*(['"`])((?:\\.|(?!\1)[\s\S])*)\1/g)].map(
      ([, , title = '']) => title,
    )
  const texts: readonly (readonly [string, string])[] = [
    ...Object.entries(sources).map(([path, text]) => [`src/${path}`, text] as const),
    ...Object.entries(documents),
    ...Object.entries(tests).map(([path, text]) => [`titles of ${path}`, titlesOf(text).join('\n')] as const),
  ]

  it('finds the titles of tests', () => {
    expect(titlesOf("it('a', f); it.each([\n ['x'],\n])(\n 'b %s', f); describe(`c`, g)")).toEqual([
      'a',
      'b %s',
      'c',
    ])
    expect(texts.length).toBeGreaterThan(250)
  })

  it.each(WORDS)('does not use "%s" in source, documents and test titles', (word) => {
    const found = texts.filter(([, text]) => wholeWords([word], 'i').test(inOneLine(text)))
    expect(found.map(([path]) => path)).toEqual([])
  })

  it('does not use a name that the glossary has replaced', () => {
    const replaced = wholeWords(NAMES, '')
    const found = texts.filter(([, text]) => replaced.test(text))
    expect(found.map(([path]) => path)).toEqual([])
    const calls = Object.entries(sources).filter(([, text]) => CALLS.test(text))
    expect(calls.map(([path]) => path)).toEqual([])
  })
})

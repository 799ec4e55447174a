import { describe, expect, it } from 'vitest'
import { ERRORS } from '../src/errors/codes.ts'

/** Every source file as text, by its path below src/. */
const sources = Object.fromEntries(
  Object.entries(
    import.meta.glob<string>('../src/**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true }),
  ).map(([path, text]) => [path.replace('../src/', ''), text]),
)

const [logEvents = ''] = Object.values(
  import.meta.glob<string>('../docs/log-events.md', { query: '?raw', import: 'default', eager: true }),
)

/** The rows of the layout, top to bottom: a file imports from rows below its own, and from its own folder. */
const ROWS: readonly (readonly string[])[] = [
  ['index'],
  ['isolate'],
  ['app'],
  ['routes', 'pages', 'gateway'],
  ['http'],
  ['actions'],
  ['services'],
  ['accounts', 'passwords', 'tokens', 'sessions', 'limits', 'challenge', 'settings', 'clients'],
  ['config'],
  ['messages'],
  ['errors'],
  ['crypto', 'runtime'],
  ['verify', 'client'],
]

const roomOf = (path: string) => path.split('/')[0]?.replace(/\.tsx?$/, '') ?? ''
const rowOf = (path: string) => ROWS.findIndex((rooms) => rooms.includes(roomOf(path)))

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
  return to.startsWith('.') ? new URL(to, `https://house/${from}`).pathname.slice(1) : to
}

const imports = valueImports()
const own = imports.filter(({ to }) => to in sources)

describe('the house', () => {
  it('has only the rooms that stand in its plan', () => {
    expect(Object.keys(sources).length).toBeGreaterThan(50)
    expect(Object.keys(sources).filter((path) => rowOf(path) === -1)).toEqual([])
  })

  it('has imports that point downwards, or stay in their room', () => {
    expect(own.length).toBeGreaterThan(100)
    const upwards = own.filter(({ from, to }) => roomOf(from) !== roomOf(to) && rowOf(to) <= rowOf(from))
    expect(upwards).toEqual([])
  })

  it('knows Hono only where HTTP is spoken', () => {
    const rooms = imports.filter(({ to }) => /^(hono|@hono)\b/.test(to)).map(({ from }) => roomOf(from))
    expect(new Set(rooms)).toEqual(new Set(['app', 'routes', 'pages', 'gateway', 'http']))
  })

  it('lets verify/ stand alone, with jose, and its adapters with the types of a framework', () => {
    const needed = imports.filter(({ from, to }) => roomOf(from) === 'verify' && roomOf(to) !== 'verify')
    expect(new Set(needed.map(({ to }) => to))).toEqual(new Set(['jose']))
  })

  it('lets client/ stand alone, and nobody in the Worker lean on it', () => {
    const across = imports.filter(({ from, to }) => (roomOf(from) === 'client') !== (roomOf(to) === 'client'))
    // What runs in browsers may.
    expect(across.filter(({ from }) => !from.startsWith('pages/browser/'))).toEqual([])
  })

  it.each([
    ['SQL only in stores', /\.prepare\(/, /store\.ts$/],
    [
      'the clock only where a request, an RPC or an alarm begins, where a log line is written, and in browsers',
      /Date\.now\(|new Date\(\)/,
      /^(isolate|runtime\/log|http\/middleware\/provide-services|sessions\/account-object|limits\/attempt-counter|client\/(session|service))\.ts$/,
    ],
    ['the console only in the log', /\bconsole\./, /^runtime\/log\.ts$/],
    ['no Math.random', /Math\.random/, /^$/],
    ['nothing left to do', /TODO|FIXME|XXX/, /^$/],
  ])('has %s', (_rule, pattern, allowed) => {
    const found = Object.keys(sources).filter((path) => pattern.test(sources[path] ?? ''))
    expect(found.filter((path) => !allowed.test(path))).toEqual([])
  })
})

describe('the inventory of log events', () => {
  /** By name, at which levels: a row of the table under "Events". */
  const documented = new Map(
    [...logEvents.matchAll(/^\| `([a-z_]+)` \| ((?:info|warn|error)(?:, (?:warn|error))?) \|/gm)].map(
      ([, event = '', levels = '']) => [event, levels.split(', ')],
    ),
  )
  const union =
    /export type LogEvent =((?:\s+\| '[a-z_]+')+)/.exec(sources['runtime/log.ts'] ?? '')?.[1] ?? ''
  const events = [...union.matchAll(/'([a-z_]+)'/g)].map(([, event = '']) => event)
  /** A fault is logged by the code of the error that it became. */
  const faults = Object.entries(ERRORS).flatMap(([code, { status }]) => (status >= 500 ? [code] : []))

  it('has every event of the source, and no other', () => {
    expect(events.length).toBeGreaterThan(20)
    expect([...documented.keys()].toSorted()).toEqual([...new Set([...events, ...faults])].toSorted())
  })

  it('has no event that nothing writes', () => {
    const texts = Object.entries(sources).filter(([path]) => path !== 'runtime/log.ts')
    const unwritten = events.filter((event) => !texts.some(([, text]) => text.includes(`'${event}'`)))
    expect(unwritten).toEqual([])
  })

  it('has the level at which each is written', () => {
    const written = Object.values(sources).flatMap((text) => [
      ...text.matchAll(/\blog\(\s*'(info|warn|error)',\s*'([a-z_]+)'/g),
    ])
    expect(written.length).toBeGreaterThan(12)
    const wrong = written.filter(([, level = '', event = '']) => !documented.get(event)?.includes(level))
    expect(wrong.map(([call]) => call)).toEqual([])
  })

  it('has every member of a request line', () => {
    const line = sources['http/middleware/request-log.ts'] ?? ''
    const fields = [...line.matchAll(/^ {4}([a-z_]+)(?::|,$)/gm)].map(([, name = '']) => name)
    expect(fields).toContain('address_digest')
    expect(fields.filter((name) => !logEvents.includes(`\`${name}\``))).toEqual([])
  })
})

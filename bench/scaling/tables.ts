/** The arithmetic section of docs/scaling.md. */
import { table } from '../document.ts'
import { add, monthOf, objectRequests, priceOf, type Span, total, type Usage, usageOf } from './bill.ts'
import {
  ADDRESSES_PER_PRIMARY,
  accountsPerDatabase,
  hoursToRegister,
  isolateLoad,
  isolatesPerPrimary,
  LOGINS_PER_SECOND,
  loginsPerSecond,
  type Peak,
  PUBLISHED_PER_HOUR,
  peakOf,
  REGISTRATIONS_PER_SECOND,
} from './capacity.ts'
import { compact, dollars, millions, percent, round, spanText } from './markdown.ts'
import { OPERATION_NAMES, OPERATIONS, type Operation } from './operations.ts'
import { METERS, type Meter, OBJECT_REQUESTS_PER_SECOND, PRICES, SUBSCRIPTION_USD } from './platform.ts'
import { sources } from './sources.ts'
import {
  ACCOUNTS,
  ACCOUNTS_LOGGED_IN_SHARE,
  API_CALLS_PER_USER,
  AT_EDGE,
  ATTACK,
  attackOf,
  CHANGES_PER_USER,
  type Counts,
  type Day,
  dayOf,
  EVERYBODY,
  guessesPerSecond,
  LOGINS_PER_USER,
  ORDINARY,
  PEAK_TO_MEAN,
  PUBLISHED_PER_CRON_RUN,
  RECORD_READ_SECONDS,
  SITTING_SECONDS,
  SITTINGS_PER_USER,
  WARM_ISOLATES,
  WRONG_PASSWORDS_PER_LOGIN,
} from './traffic.ts'

const MILLION = 1e6
const SECONDS_PER_MINUTE = 60
const DAYS = [ORDINARY, AT_EDGE, EVERYBODY] as const
const ISOLATES = [1_000, 10_000]

export function arithmetic(accountBytes: number): string {
  return [
    section('What one deployment carries', capacity(accountBytes)),
    section('What each request costs', operations()),
    section('The day', assumptions(), day()),
    section('The busiest second', peaks()),
    section('The reads of the isolates', isolates()),
    section('The bill of a month', bill(accountBytes)),
    section('Figures and their sources', sources()),
  ].join('\n\n')
}

function section(title: string, ...parts: readonly string[]): string {
  return [`### ${title}`, ...parts].join('\n\n')
}

function capacity(accountBytes: number): string {
  const perAddress = loginsPerSecond('login_failures_per_ip')
  const perIdentifier = loginsPerSecond('login_failures_per_account')
  return table(
    ['what', 'carries', 'limited by'],
    [
      [
        'accounts',
        millions(accountsPerDatabase(accountBytes)),
        `10 GB, at ${accountBytes} bytes an account, indexes included`,
      ],
      [
        'registrations',
        `${round(REGISTRATIONS_PER_SECOND)} a second`,
        `the primary's one writer, 5 ms each: ${millions(ACCOUNTS)} take ${round(hoursToRegister(ACCOUNTS))} hours`,
      ],
      [
        'logins',
        `${round(LOGINS_PER_SECOND)} a second`,
        'the primary, 1 ms each; with replicas, each replica separately',
      ],
      [
        'refreshes, `GET /auth/me`',
        'no common limit',
        `${round(OBJECT_REQUESTS_PER_SECOND.value)} a second of one account, by its object`,
      ],
      ['`/auth/verify`, gateway', 'no limit', ''],
      [
        'logins from one IP address',
        `${spanText(perAddress, round)} a second`,
        '`login_failures_per_ip`: its threshold is the number at a time',
      ],
      [
        'logins on one identifier',
        `${spanText(perIdentifier, round)} a second`,
        '`login_failures_per_account`: the same',
      ],
      [
        'isolates at the same time',
        spanText(isolatesPerPrimary(), compact),
        `the primary: each reads keys and settings every ${RECORD_READ_SECONDS} s`,
      ],
      [
        'IP addresses that guess without challenges',
        round(ADDRESSES_PER_PRIMARY),
        'the primary: each guess reads the account there',
      ],
      [
        'changes by SQL',
        `${round(PUBLISHED_PER_HOUR)} an hour`,
        `cron publishes ${round(PUBLISHED_PER_CRON_RUN)} accounts a minute`,
      ],
    ],
  )
}

function operations(): string {
  const rows = OPERATION_NAMES.map((name) => {
    const each: Operation = OPERATIONS[name]
    return [
      each.label,
      each.d1Reads + each.d1Writes,
      `${each.d1RowsRead} / ${each.d1RowsWritten}`,
      each.alarms === 0 ? each.rpcs : `${each.rpcs} + ${each.alarms}`,
      `${each.objectRowsRead} / ${each.objectRowsWritten}`,
      each.localCpuMs,
      spanText(priceOfAll({ [name]: MILLION }), dollars),
    ]
  })
  const head = [
    'request',
    'D1 trips',
    'rows read / written',
    'RPCs + alarms',
    'object rows read / written',
    'CPU ms, laptop',
    'a million of them',
  ]
  const cpu = priceOf('cpuMs', usageOf({ login: MILLION }), false)
  return `${table(head, rows)}

Prices without the included amounts. CPU of a million logins costs ${spanText(cpu, dollars)}: from the time on a laptop to the time in
the one report from production.`
}

/** Without the included amounts. */
function priceOfAll(counts: Counts): Span {
  const usage = usageOf(counts)
  return add(METERS.map((meter) => priceOf(meter, usage, false)))
}

function assumptions(): string {
  const minutes = SITTING_SECONDS / SECONDS_PER_MINUTE
  return `Assumptions: ${millions(ACCOUNTS)} accounts; each active person comes ${SITTINGS_PER_USER} times a day for ${minutes} min; ${percent(LOGINS_PER_USER)} of them log in,
the others are logged in already; for each login ${WRONG_PASSWORDS_PER_LOGIN} wrong passwords; ${percent(CHANGES_PER_USER)} change something;
${API_CALLS_PER_USER} requests to the app's API each; ${percent(ACCOUNTS_LOGGED_IN_SHARE)} of all accounts have a session; the busiest second has ${PEAK_TO_MEAN} times the
mean load; ${round(WARM_ISOLATES)} isolates. The attack: ${round(ATTACK.requestsPerSecond)} guesses a second from ${round(ATTACK.addresses)} IP addresses for an hour.
They are set in \`bench/scaling/traffic.ts\`: replace them by your own, and run it again.`
}

function day(): string {
  const counted = [...DAYS.map(dayOf), attackOf(ATTACK)]
  const done = OPERATION_NAMES.filter((name) => counted.some((counts) => counts[name] !== undefined))
  const row = (label: string, of: (counts: Counts) => string) => [label, ...counted.map(of)]
  const sum = (label: string, of: (counts: Counts) => number) =>
    row(`**${label}**`, (each) => compact(of(each)))
  const rows = [
    ...done.map((name) => row(OPERATIONS[name].label, (counts) => compact(counts[name] ?? 0))),
    sum('requests', (counts) => total(counts, 'requests')),
    sum('log lines', (counts) => total(counts, 'logLines')),
    sum('D1 trips', (counts) => total(counts, 'd1Reads') + total(counts, 'd1Writes')),
    sum('D1 rows read', (counts) => total(counts, 'd1RowsRead')),
    sum('D1 rows written', (counts) => total(counts, 'd1RowsWritten')),
    sum('RPCs and alarms', objectRequests),
    sum('object rows read', (counts) => total(counts, 'objectRowsRead')),
    sum('object rows written', (counts) => total(counts, 'objectRowsWritten')),
    row('**price without included amounts and storage**', (counts) => spanText(priceOfAll(counts), dollars)),
  ]
  return table(['a day', ...DAYS.map(nameOf), 'an attack adds'], rows)
}

function nameOf({ name, activeShare }: Day): string {
  return `${name} (${percent(activeShare)})`
}

function peaks(): string {
  const peak = DAYS.map((each) => peakOf(dayOf(each)))
  const row = (label: string, of: keyof Peak, show = round) => [label, ...peak.map((each) => show(each[of]))]
  const attackBusy = guessesPerSecond(ATTACK.addresses) / LOGINS_PER_SECOND
  const rows = [
    row('registrations', 'registrations'),
    row('logins', 'logins'),
    row('refreshes', 'refreshes'),
    row('requests to the Worker', 'requests'),
    row('requests to all objects together', 'objectRequests'),
    row("the primary's time", 'primaryBusy', percent),
  ]
  return `${table(['a second, at the peak', ...DAYS.map(nameOf)], rows)}

The attack adds ${percent(attackBusy)} of the primary's time: ${round(guessesPerSecond(ATTACK.addresses))} guesses a second are checked, the others
need a challenge.`
}

function isolates(): string {
  const rows = ISOLATES.map((count) => {
    const { trips, statements, rowsRead, primaryBusy } = isolateLoad(count)
    return [round(count), round(trips), round(statements), round(rowsRead), spanText(primaryBusy, percent)]
  })
  const head = ['isolates', 'D1 trips a second', 'statements', 'rows read', "the primary's time"]
  return `${table(head, rows)}

Each isolate reads the signing keys, the naming key and the settings in one batch, which a request causes if the last read was
${RECORD_READ_SECONDS} s ago or earlier. An isolate without requests reads nothing, so these are upper bounds: every isolate has a request every
few seconds. The primary's time is between 1 ms for each batch, as everywhere on this page, and 1 ms for each statement.`
}

function bill(accountBytes: number): string {
  const months = [ORDINARY, AT_EDGE].map((each) => monthOf(dayOf(each), accountBytes))
  const attack = usageOf(attackOf(ATTACK))
  const rows = METERS.map((meter) => [
    `${PRICES[meter].product}: ${PRICES[meter].label}`,
    ...months.flatMap((month) => [amount(month, meter), spanText(priceOf(meter, month, true), dollars)]),
    spanText(priceOf(meter, attack, false), dollars),
  ])
  const totals = months.map((month) =>
    withSubscription(add(METERS.map((meter) => priceOf(meter, month, true)))),
  )
  const attackTotal = priceOfAll(attackOf(ATTACK))
  const bold = (span: Span) => `**${spanText(span, dollars)}**`
  return table(
    ['a month of', 'ordinary days', 'USD', 'verified at the edge', 'USD', 'one attack, USD'],
    [...rows, ['total, with the plan', ...totals.flatMap((each) => ['', bold(each)]), bold(attackTotal)]],
  )
}

function withSubscription({ low, high }: Span): Span {
  return { low: low + SUBSCRIPTION_USD, high: high + SUBSCRIPTION_USD }
}

function amount(usage: Usage, meter: Meter): string {
  const { per } = PRICES[meter]
  return per === 'million' ? compact(usage[meter] * MILLION) : `${round(usage[meter])} ${per}`
}

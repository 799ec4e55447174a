/** The published figures and prices, with their sources. */
import { table } from '../document.ts'
import { compact } from './markdown.ts'
import {
  METERS,
  type Meter,
  PRICE_PAGES,
  PRICES,
  PRODUCTS,
  STATEMENTS,
  SUBSCRIPTION_USD,
} from './platform.ts'

const MILLION = 1e6

export function sources(): string {
  const said = STATEMENTS.map(({ what, source }) => [what, source])
  const prices = PRODUCTS.map((product) => {
    const meters = METERS.filter((meter) => PRICES[meter].product === product)
    return [`${product}, a month: ${meters.map(price).join('; ')}`, PRICE_PAGES[product]]
  })
  const plan = [`Workers Paid: $${SUBSCRIPTION_USD} a month`, PRICE_PAGES.Workers]
  return table(['figure', 'source'], [...said, plan, ...prices])
}

function price(meter: Meter): string {
  const { label, included, usd, per } = PRICES[meter]
  const free = per === 'million' ? compact(included * MILLION) : `${included} ${per}`
  return `${label} ${free}, then $${usd} a ${per}`
}

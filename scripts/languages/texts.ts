/** The texts of the pages in each language, with those that an operator replaces. */
import { ar } from '../../src/messages/ar.ts'
import { de } from '../../src/messages/de.ts'
import { en } from '../../src/messages/en.ts'
import type { Language } from '../../src/messages/languages.ts'
import { englishErrors, type Messages } from '../../src/messages/messages.ts'
import { zhHans } from '../../src/messages/zh-hans.ts'
import { zhHant } from '../../src/messages/zh-hant.ts'

/** By BCP 47 tag. */
export const MESSAGES: Readonly<Record<Language, Messages>> = {
  en,
  'zh-Hans': zhHans,
  'zh-Hant': zhHant,
  de,
  ar,
}

/**
 * @param replacements texts by the names of `Messages`, as many as the operator wants to replace
 * @returns the texts as JSON, without the texts of errors that are the API's own, which the Worker has in any case
 * @throws {Error} whose message is a sentence about the first replacement that is wrong
 */
export function renderTexts({ language, ...texts }: Messages, replacements: unknown): string {
  const english = new Map<string, unknown>(Object.entries(englishErrors()))
  const { errors, ...others } = mergeObjects(texts, replacements, '')
  const ownErrors = Object.entries(Object(errors)).filter(
    ([code, error]) => String(error) !== String(english.get(code)),
  )
  return JSON.stringify({ language, ...others, errors: Object.fromEntries(ownErrors) })
}

function mergeObjects(texts: object, replacements: unknown, path: string): Record<string, unknown> {
  if (typeof replacements !== 'object' || replacements === null || Array.isArray(replacements))
    throw new Error(`${path === '' ? 'The file' : path} must be an object with texts.`)
  const own = new Map<string, unknown>(Object.entries(texts))
  const merged = Object.entries(replacements).map(([name, replacement]) => {
    const at = path === '' ? name : `${path}.${name}`
    if (!own.has(name)) throw new Error(`${at} is not a text of the pages.`)
    return [name, merge(own.get(name), replacement, at)] as const
  })
  return { ...texts, ...Object.fromEntries(merged) }
}

function merge(text: unknown, replacement: unknown, path: string): unknown {
  if (typeof text === 'string') return checkText(text, replacement, path)
  if (Array.isArray(text)) return mergeLists(text, replacement, path)
  return mergeObjects(Object(text), replacement, path)
}

function mergeLists(texts: readonly unknown[], replacements: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(replacements) || replacements.length !== texts.length)
    throw new Error(`${path} must be a list of ${texts.length} texts.`)
  return texts.map((text, index) => merge(text, replacements[index], `${path}.${index}`))
}

function checkText(text: string, replacement: unknown, path: string): string {
  if (typeof replacement !== 'string') throw new Error(`${path} must be a text.`)
  const placeholders = placeholdersOf(text)
  if (placeholdersOf(replacement) === placeholders) return replacement
  throw new Error(`${path} must have ${placeholders === '' ? 'no placeholder' : `${placeholders} once`}.`)
}

function placeholdersOf(text: string): string {
  return (text.match(/\{\w+\}/g) ?? []).toSorted().join(' and ')
}

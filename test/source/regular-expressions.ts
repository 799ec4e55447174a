/** Finds the regular expressions of a source text with parsers, so that comments and strings do not count. */
import { type AnyNode, parse } from 'acorn'
import { transformSync } from 'esbuild'

export interface SourceExpressions {
  readonly literals: readonly RegularExpression[]
  /** How many are built at run time, which a check of the source cannot analyze. */
  readonly built: number
}

export interface RegularExpression {
  readonly pattern: string
  readonly flags: string
}

/** @param file its name says whether JSX is in it */
export function findExpressions(file: string, source: string): SourceExpressions {
  const loader = file.endsWith('x') ? 'tsx' : 'ts'
  const { code } = transformSync(source, { loader, target: 'esnext', jsx: 'automatic' })
  const nodes = [...nodesOf(parse(code, { ecmaVersion: 'latest', sourceType: 'module' }))]
  const literals = nodes.flatMap((node) => (node.type === 'Literal' && node.regex ? [node.regex] : []))
  return { literals, built: nodes.filter(buildsExpression).length }
}

function buildsExpression(node: AnyNode): boolean {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return false
  return node.callee.type === 'Identifier' && node.callee.name === 'RegExp'
}

function* nodesOf(node: AnyNode): Generator<AnyNode> {
  yield node
  for (const child of Object.values(node).flat()) if (isNode(child)) yield* nodesOf(child)
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

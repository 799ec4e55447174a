/** Builds Workers in the same way as `wrangler deploy`. */
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export interface Bundle {
  readonly script: string
  readonly gzipBytes: number
}

/**
 * @param entry relative to this folder
 * @param swaps modules to replace: from the end of their path to a file relative to this folder
 */
export async function bundle(entry: string, swaps: Readonly<Record<string, string>> = {}): Promise<Bundle> {
  const { outputFiles } = await build({
    entryPoints: [at(entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*'],
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    loader: { '.txt': 'text' },
    write: false,
    logLevel: 'error',
    plugins: [swap(swaps)],
  })
  const code = outputFiles[0]?.contents ?? new Uint8Array()
  return { script: new TextDecoder().decode(code), gzipBytes: gzipSync(code, { level: 9 }).length }
}

function swap(swaps: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'swap',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, importer }) => {
        if (importer.startsWith(HERE)) return
        const found = Object.entries(swaps).find(([end]) => path.endsWith(end))
        return found && { path: at(found[1]) }
      })
    },
  }
}

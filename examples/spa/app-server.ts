/** Serves the app's files like any static host, and inserts the service's URL. */
import { readFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'

const PUBLIC = new URL('public/', import.meta.url)
const PLACEHOLDER = /\{\{service\}\}/g
const FILES: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/app.css': { name: 'app.css', type: 'text/css; charset=utf-8' },
  '/app.js': { name: 'app.js', type: 'text/javascript; charset=utf-8' },
  '/config.js': { name: 'config.js', type: 'text/javascript; charset=utf-8' },
  '/errors.js': { name: 'errors.js', type: 'text/javascript; charset=utf-8' },
  '/favicon.svg': { name: 'favicon.svg', type: 'image/svg+xml' },
}

export function serveApp(serviceUrl: string): RequestListener {
  return async (request, response) => {
    const file = FILES[new URL(request.url ?? '/', serviceUrl).pathname]
    if (file === undefined) {
      response.writeHead(404).end()
      return
    }
    const text = await readFile(new URL(file.name, PUBLIC), 'utf8')
    response.writeHead(200, { 'Content-Type': file.type, 'Cache-Control': 'no-store' })
    response.end(text.replace(PLACEHOLDER, serviceUrl))
  }
}

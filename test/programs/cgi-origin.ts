/**
 * An origin that speaks CGI (RFC 3875): lighttpd, and fcgiwrap for proxies that speak FastCGI. It replaces every character of
 * a header name that is not a letter or a digit by "_", and responds with the variables that its program receives.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePort } from '../dev/project.ts'

const PROGRAM = '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"\nenv\n'

export interface CgiOrigin {
  readonly httpPort: number
  readonly fastCgiPort: number
  /** The program that the FastCGI server runs. */
  readonly program: string
  readonly stop: () => void
}

/** @param folder for the program and the configuration */
export async function startCgiOrigin(folder: string): Promise<CgiOrigin> {
  const [httpPort, fastCgiPort] = [await freePort(), await freePort()]
  const program = join(folder, 'env.sh')
  writeFileSync(program, PROGRAM)
  chmodSync(program, 0o755)
  const config = join(folder, 'lighttpd.conf')
  writeFileSync(
    config,
    `server.document-root = "${folder}"
server.bind = "127.0.0.1"
server.port = ${httpPort}
server.modules = ("mod_rewrite", "mod_cgi")
url.rewrite-once = ("" => "/env.sh")
cgi.assign = (".sh" => "/bin/sh")
`,
  )
  const servers = [
    await start('lighttpd', ['-D', '-f', config], httpPort),
    await start('fcgiwrap', ['-s', `tcp:127.0.0.1:${fastCgiPort}`], fastCgiPort),
  ]
  const stop = () => {
    for (const server of servers) server.kill('SIGTERM')
  }
  return { httpPort, fastCgiPort, program, stop }
}

/** @returns the identity and the token that the program received, each as `NAME=value` */
export function identityOfCgi(body: string): readonly string[] {
  return body
    .split('\n')
    .filter((line) => /^HTTP_(X_AUTH_|AUTHORIZATION=)/.test(line) && !line.endsWith('='))
    .sort()
}

/** Starts a program and waits until it listens; throws if the program is missing or exits. */
export async function start(
  program: string,
  options: readonly string[],
  port: number,
): Promise<ChildProcess> {
  const server = spawn(program, options, { stdio: 'ignore' })
  let failed: Error | null = null
  server.once('error', (error) => {
    failed = error
  })
  server.once('exit', (code) => {
    failed = new Error(`${program} exited with ${code}`)
  })
  while (failed === null) {
    if (await listens(port)) return server
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw failed
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

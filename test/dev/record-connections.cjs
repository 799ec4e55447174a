/** Loaded first in each Node.js process of a run. Records each host that the process wants to connect to, one per line. */
const { appendFileSync } = require('node:fs')
const { Socket } = require('node:net')

const { connect } = Socket.prototype
Socket.prototype.connect = function record(...args) {
  const [{ host = 'localhost', path } = {}] = Array.isArray(args[0]) ? args[0] : args
  if (path === undefined) appendFileSync(process.env.CONNECTIONS_FILE, `${host}\n`)
  return connect.apply(this, args)
}

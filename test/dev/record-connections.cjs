/** Loaded before everything in each Node.js process of a run: notes whom it wants to connect to, a line each. */
const { appendFileSync } = require('node:fs')
const { Socket } = require('node:net')

const { connect } = Socket.prototype
Socket.prototype.connect = function record(...args) {
  const [{ host = 'localhost', path } = {}] = Array.isArray(args[0]) ? args[0] : args
  if (path === undefined) appendFileSync(process.env.CONNECTIONS_FILE, `${host}\n`)
  return connect.apply(this, args)
}

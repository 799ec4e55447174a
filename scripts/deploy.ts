/** `npm run deploy [-- OPTIONS OF wrangler deploy]`: checks the variables, then deploys. */
import { spawn } from 'node:child_process'
import { checkDeployment } from './deployment.ts'
import { ROOT, WRANGLER } from './local-database.ts'

const options = process.argv.slice(2)
checkDeployment(options)
spawn(process.execPath, [WRANGLER, 'deploy', ...options], { cwd: ROOT, stdio: 'inherit' }).on(
  'exit',
  (code) => process.exit(code ?? 1),
)

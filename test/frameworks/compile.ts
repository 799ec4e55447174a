/** `npm run test:frameworks`: compiles the components in docs/spa with React and Vue. */
import { fileURLToPath } from 'node:url'
import { compile } from '../docs/compile.ts'
import { FRAMEWORKS, programsIn } from '../docs/programs.ts'

const MODULES = fileURLToPath(new URL('node_modules', import.meta.url))
const components = programsIn(['ts', 'tsx', 'vue'], (document) => FRAMEWORKS.includes(document))
const options = {
  module: 'esnext',
  moduleResolution: 'bundler',
  jsx: 'react-jsx',
  skipLibCheck: true,
  lib: ['es2024', 'dom', 'dom.iterable'],
}
const messages = compile(components, ['react', '@types/react', 'vue', 'vue-router'], options, {
  compiler: `${MODULES}/vue-tsc/bin/vue-tsc.js`,
  modules: MODULES,
})
if (messages !== '') {
  console.error(messages)
  process.exit(1)
}
console.log(`Compiled ${Object.keys(components).join(', ')}.`)

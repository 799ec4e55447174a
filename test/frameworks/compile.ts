/** `npm run test:frameworks`: compiles the components in the documents with React and Vue. */
import { fileURLToPath } from 'node:url'
import { compile, type Programs } from '../docs/compile.ts'
import { programsFor } from '../docs/programs.ts'

const MODULES = fileURLToPath(new URL('node_modules', import.meta.url))
const PACKAGES = ['react', '@types/react', 'vue', 'vue-router']
const OPTIONS = {
  module: 'esnext',
  moduleResolution: 'bundler',
  jsx: 'react-jsx',
  skipLibCheck: true,
  lib: ['es2024', 'dom', 'dom.iterable'],
}
const MISTAKE = `import { createClient } from 'gatehouse-edge/client'\ncreateClient({ url: '' }).logInn()\n`
/** If the compiler refuses no mistake in these, it checks nothing. */
const INVALID = {
  'react.tsx': `${MISTAKE}export const App = () => <p onClick={1} />\n`,
  'vue.vue': `<script setup lang="ts">\n${MISTAKE}</script>\n<template><p>{{ missing }}</p></template>\n`,
}
const MISTAKES = [/react\.tsx.*logInn/, /react\.tsx.*'number'/, /vue\.vue.*logInn/, /vue\.vue.*missing/]

function messagesFor(programs: Programs): string {
  const tools = { compiler: `${MODULES}/vue-tsc/bin/vue-tsc.js`, modules: MODULES }
  return compile(programs, PACKAGES, OPTIONS, tools)
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

const components = programsFor('frameworks')
const messages = messagesFor(components)
if (messages !== '') fail(messages)
const refusals = messagesFor(INVALID)
const unnoticed = MISTAKES.filter((mistake) => !mistake.test(refusals))
if (unnoticed.length > 0) fail(`The compiler does not notice ${unnoticed.join(', ')}:\n${refusals}`)
console.log(`Compiled ${Object.keys(components).join(', ')}.`)

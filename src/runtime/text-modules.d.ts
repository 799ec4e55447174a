/** Text modules: `rules` of wrangler.toml imports such a file as one string. */
declare module '*.txt' {
  const text: string
  export default text
}

/** What files that the script shares with the Worker take from the Worker's runtime and build. The script uses neither. */

declare module '*.txt' {
  const text: string
  export default text
}

interface SubtleCrypto {
  timingSafeEqual(one: ArrayBufferView, other: ArrayBufferView): boolean
}

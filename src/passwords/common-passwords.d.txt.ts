/** Declares the text module: `rules` of wrangler.toml imports the file as one string. */
declare const packed: string
export default packed

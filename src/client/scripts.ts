/** Loads what a page shows from elsewhere. */

const loading = new Map<string, Promise<void>>()

/** @throws where it cannot be loaded; the next call tries again */
export function loadScript(url: string, type: '' | 'module' = ''): Promise<void> {
  return once(url, () => Object.assign(document.createElement('script'), { src: url, type, async: true }))
}

export function loadStyles(url: string): Promise<void> {
  return once(url, () => Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url }))
}

function once(url: string, make: () => HTMLElement): Promise<void> {
  const earlier = loading.get(url)
  if (earlier !== undefined) return earlier
  const element = make()
  const loaded = new Promise<void>((resolve, reject) => {
    element.addEventListener('load', () => resolve())
    element.addEventListener('error', () => {
      loading.delete(url)
      element.remove()
      reject(new Error(`could not load ${url}`))
    })
  })
  loading.set(url, loaded)
  document.head.append(element)
  return loaded
}

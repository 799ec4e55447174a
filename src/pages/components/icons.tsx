/** Icons on a grid of 20 px, drawn in the colour of the text. They repeat what a text says, so screen readers skip them. */
const PATHS = {
  eye: 'M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10zM10 12.25a2.25 2.25 0 1 0 0-4.5 2.25 2.25 0 0 0 0 4.5z',
  'eye-off':
    'M3 3l14 14M8.2 4.7A8.6 8.6 0 0 1 10 4.5c5 0 8 5.5 8 5.5a13.6 13.6 0 0 1-2.3 2.9M12.9 14.9a7.7 7.7 0 0 1-2.9.6c-5 0-8-5.5-8-5.5a13.8 13.8 0 0 1 3.5-3.9',
  check: 'M4 10.500l4 4 8-9',
  warning: 'M10 3l7.5 13.500h-15zM10 8v3.500M10 14v.1',
  globe:
    'M10 17.500a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15zM2.5 10h15M10 2.500c2.5 2 3 5 3 7.500s-.5 5.5-3 7.500c-2.5-2-3-5-3-7.500s.5-5.5 3-7.500z',
  person: 'M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 17c.5-3.5 3-5 6.5-5s6 1.5 6.5 5',
  lock: 'M4.5 9h11v8h-11zM7 9V6.500a3 3 0 0 1 6 0V9',
  device: 'M3.5 4h13v9h-13zM7.5 16.500h5M10 13v3.5',
  trash: 'M3.5 5.500h13M8 5.500V3.500h4v2M5.5 5.500l.5 11h8l.5-11',
  inbox: 'M3 11l2.5-7h9L17 11v5H3zM3 11h4l1 2h4l1-2h4',
  close: 'M5 5l10 10M15 5L5 15',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}

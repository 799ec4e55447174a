import { expect, it } from 'vitest'
import { BoundedMap } from '../../src/runtime/bounded-map.ts'

it('evicts the oldest entry of a bounded map, and counts an entry that is set again as new', () => {
  const map = new BoundedMap<number>(2)
  map.set('a', 1)
  map.set('b', 2)
  map.set('a', 3)
  map.set('c', 4)
  expect(['a', 'b', 'c'].map((key) => map.get(key))).toEqual([3, undefined, 4])
})

it('deletes an entry of a bounded map, and frees its place', () => {
  const map = new BoundedMap<number>(1)
  map.set('a', 1)
  map.delete('a')
  expect(map.get('a')).toBe(undefined)
  map.set('b', 2)
  expect(map.get('b')).toBe(2)
})

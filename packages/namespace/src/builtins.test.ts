import { afterEach, expect, it } from 'vitest'
import { Builtins } from './builtins.ts'

const globals = globalThis as Record<string, unknown>
const declared = new Set<string>()
const open: Builtins[] = []

function createBuiltins(): Builtins {
  const builtins = new Builtins((name) => declared.has(name))
  open.push(builtins)
  return builtins
}

afterEach(() => {
  for (const builtins of open.splice(0)) builtins.remove()
  for (const name of ['tested', 'other']) delete globals[name]
  declared.clear()
})

it('comes and goes, and Node has its own back', () => {
  const builtins = createBuiltins()
  const { fetch } = globalThis
  const own = Object.getOwnPropertyDescriptor(globalThis, 'fetch')
  for (const value of [1, 2]) {
    builtins.define('fetch', value)
    expect([globals['fetch'], builtins.isOwn('fetch', value)]).toEqual([value, true])
    builtins.undefine('fetch')
    expect([globals['fetch'], builtins.isOwn('fetch', fetch)]).toEqual([fetch, false])
  }
  expect(Object.getOwnPropertyDescriptor(globalThis, 'fetch')).toEqual(own)
  expect(builtins.untouched('fetch')).toEqual({ property: own })
})

it('leaves cells what they put in its place, however often it changes', () => {
  const builtins = createBuiltins()
  builtins.define('tested', 1)
  globals['tested'] = 'of a cell'
  builtins.undefine('tested')
  builtins.define('tested', 2)
  builtins.undefine('tested')
  builtins.define('tested', 3)
  expect([globals['tested'], builtins.isOwn('tested', 'of a cell')]).toEqual(['of a cell', false])
  expect(builtins.untouched('tested')).toMatchObject({ property: { value: 3 } })
  delete globals['tested']
  builtins.define('tested', 4)
  expect(globals['tested']).toBe(4)
})

it('leaves cells what they have declared before', () => {
  const builtins = createBuiltins()
  globals['other'] = 'of a cell'
  declared.add('other')
  builtins.define('other', 1)
  builtins.undefine('other')
  builtins.define('other', 2)
  builtins.undefine('other')
  expect(globals['other']).toBe('of a cell')
})

it('keeps what cells declare in its own place', () => {
  const builtins = createBuiltins()
  builtins.define('tested', 1)
  builtins.undefine('tested')
  expect('tested' in globals).toBe(false)
  globals['tested'] = 'of a cell'
  builtins.define('tested', 2)
  expect(globals['tested']).toBe('of a cell')
})

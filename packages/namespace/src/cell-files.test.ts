import { expect, it } from 'vitest'
import { CellFiles } from './cell-files.ts'

const above = (line: number, column: number) => ({ line: line - 1, column })

it.each(['/cells', '/cells/', '/'])('knows the files that Capsule names, in %s, without being told', (cwd) => {
  const files = new CellFiles(cwd)
  const file = files.find(files.join('cell-7.js'))
  expect(file?.name).toBe('cell-7.js')
  expect(file?.toSource(3, 4)).toEqual({ line: 3, column: 4 })
  expect(files.find(files.join('module.js'))).toBeUndefined()
  expect(files.find('/elsewhere/cell-7.js')).toBeUndefined()
})

it('finds the positions of a remembered file, until it is forgotten', () => {
  const files = new CellFiles('/cells')
  const filename = files.resolve('cell-7.js')
  files.remember(filename, { name: 'cell-7.js', toSource: above })
  expect(files.find(filename)?.toSource(3, 4)).toEqual({ line: 2, column: 4 })
  files.forget(filename)
  expect(files.find(filename)?.toSource(3, 4)).toEqual({ line: 3, column: 4 })
})

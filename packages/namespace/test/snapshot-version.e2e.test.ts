import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startEngine } from './engine-process.ts'
import { fixtureCells, fixtureNames } from './fixtures/snapshot-cells.ts'
import { skippedIn } from './round-trip.ts'

const folder = new URL('fixtures/', import.meta.url)
const files = readdirSync(folder).filter((name) => /^snapshot-node-\d+\.txt$/.test(name))

test('there are snapshots of two versions of Node', () => {
  expect(files.length).toBeGreaterThanOrEqual(2)
})

test.each(files)('%s is read by this version', async (file) => {
  const [made, engine] = await Promise.all([startEngine(), startEngine()])
  for (const cell of fixtureCells) await made.value(cell)
  const answer = await engine.restore(readFileSync(new URL(file, folder), 'utf8'))
  expect(answer.kind === 'restored' && skippedIn(answer.report)).toEqual({})
  // the stacks of errors name the files of another process
  const plain = (text: string): string => text.replaceAll(/error "(?:[^"\\]|\\.)*"/g, 'error')
  expect(plain(await engine.describe(fixtureNames))).toBe(plain(await made.describe(fixtureNames)))
  expect(await engine.value("[rex.speak(), rex.loud, factorial(5), add(1, 2), join('a', 'b'), _, Out[4], failure instanceof RangeError]")).toEqual([
    'dog rex!', 'REX', 120, 3, 'a/b', 42, 42, true,
  ]) // prettier-ignore
  expect((await engine.capture()).report.filter(({ status }) => status === 'skipped')).toEqual([])
})

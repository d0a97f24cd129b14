import { readFile } from 'node:fs/promises'
import { workerEntry } from '@capsule/worker'
import { expect, it } from 'vitest'

// unit: bytes; parsing and compiling it is most of a worker's start
const mainLimitBytes = 700_000
const controlLimitBytes = 250_000

it.each([
  ['main.cjs', mainLimitBytes],
  ['control.cjs', controlLimitBytes],
])('%s starts fast: no zod, nothing to resolve, no more than its size', async (file, limitBytes) => {
  const url = new URL(file, workerEntry)
  const { sources } = JSON.parse(await readFile(`${url.pathname}.map`, 'utf8')) as { sources: string[] }
  expect(sources.length).toBeGreaterThan(20)
  expect(sources.filter((source) => /node_modules\/(zod|amaro)\//.test(source))).toEqual([])
  const text = await readFile(url, 'utf8')
  const required = [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name)
  const foreign = required.filter((name) => name?.startsWith('node:') === false && name !== './amaro.cjs')
  expect(foreign).toEqual([])
  expect(Buffer.byteLength(text)).toBeLessThan(limitBytes)
})

it('keeps the transformer of TypeScript in a file of its own', async () => {
  const { sources } = JSON.parse(await readFile(new URL('amaro.cjs.map', workerEntry), 'utf8')) as { sources: string[] }
  expect(sources.some((source) => source.includes('node_modules/amaro/'))).toBe(true)
})

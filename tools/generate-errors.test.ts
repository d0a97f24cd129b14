import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findGone, findShared, readErrorTables, readKnownCodes, renderErrors } from './generate-errors.ts'

const rows = await readErrorTables()

describe('the error tables', () => {
  it('keep every code they ever had', () => {
    expect(findGone(rows, readKnownCodes())).toEqual([])
  })

  it('define each code in one package only', () => {
    expect(findShared(rows)).toEqual([])
  })

  it('list each code in error-codes.txt, in upper case with underscores', () => {
    expect(readKnownCodes()).toEqual([...new Set(rows.map((row) => row.code))].toSorted())
    expect(readKnownCodes().filter((code) => !/^[A-Z]+(_[A-Z0-9]+)*$/.test(code))).toEqual([])
  })

  it('say for each code what it means, why it happens and what to do', () => {
    const incomplete = rows.filter((row) => [row.message, row.cause, row.next].some((text) => text.trim() === ''))
    expect(incomplete).toEqual([])
  })

  it('are what docs/errors.md shows', () => {
    expect(readFileSync(join(import.meta.dirname, '../docs/errors.md'), 'utf8')).toBe(renderErrors(rows))
  })
})

describe('the checks', () => {
  const row = { code: 'FRAME_TOO_LARGE', package: '@capsule/a', message: 'm', cause: 'c', next: 'n' }

  it('report a code that was renamed', () => {
    const gone = findGone([{ ...row, code: 'FRAME_TOO_BIG' }], ['FRAME_TOO_LARGE'])
    expect(gone).toEqual(['FRAME_TOO_LARGE is gone: codes are never renamed or removed'])
  })

  it('report a code that two packages define', () => {
    const shared = findShared([row, { ...row, package: '@capsule/b' }])
    expect(shared).toEqual(['FRAME_TOO_LARGE is defined by @capsule/a and @capsule/b'])
  })
})

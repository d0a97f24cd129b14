import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { attacks } from '../packages/host/test/escape/attacks.ts'
import { type EscapeResults, readAllResults, renderEscapeTable, withTable } from './generate-escape-table.ts'

describe('the table of escapes', () => {
  it('is what docs/security.md shows', async () => {
    const document = readFileSync(join(import.meta.dirname, '../docs/security.md'), 'utf8')
    expect(withTable(document, renderEscapeTable(attacks, await readAllResults()))).toBe(document)
  })

  it('has a row for each attack, and its note below', () => {
    const levels = ['none', 'process', 'permission', 'os', 'os-alone'] as const
    const results = Object.fromEntries(
      levels.map((level) => [level, { 'files/read': 'open' }]),
    ) as unknown as EscapeResults
    const table = renderEscapeTable([{ id: 'files/read', title: 'reads a | b', note: 'Some.' }], results)
    expect(table).toContain('| reads a \\| b [1] | **open** | **open** | **open** | **open** | **open** |\n\n1. Some.')
    expect(() => renderEscapeTable([{ id: 'files/write', title: 'writes' }], results)).toThrow(
      'no result of files/write',
    )
  })

  it('refuses a document without its markers', () => {
    expect(() => withTable('# nothing', 'table')).toThrow('lacks')
  })
})

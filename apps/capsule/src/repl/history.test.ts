import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { historyFile, openHistory } from './history.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'capsule-history-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('history', () => {
  it('is kept in the state folder, or at home', () => {
    expect(historyFile({ XDG_STATE_HOME: '/s' })).toBe('/s/capsule/history')
    expect(historyFile({})).toBe(join(homedir(), '.capsule_history'))
  })

  it('comes back newest first, for its owner only', () => {
    const file = join(folder, 'deep/history')
    const history = openHistory(file)
    history.append('one')
    history.append('two')
    expect(openHistory(file).lines).toEqual(['two', 'one'])
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('does without a file that cannot be written', () => {
    writeFileSync(join(folder, 'file'), '')
    const history = openHistory(join(folder, 'file/history'))
    history.append('one')
    expect(history.lines).toEqual([])
  })

  it('cuts a file that grew too long', () => {
    const file = join(folder, 'history')
    writeFileSync(file, Array.from({ length: 2500 }, (_, index) => `line ${index}\n`).join(''))
    expect(openHistory(file).lines).toHaveLength(1000)
    expect(readFileSync(file, 'utf8').split('\n').slice(-2)).toEqual(['line 2499', ''])
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(1001)
  })
})

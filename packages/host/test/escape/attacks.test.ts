import { describe, expect, it } from 'vitest'
import { escapeGroups, escapeLevels } from './attack.ts'
import { attacks } from './attacks.ts'
import { readResults } from './results.ts'

describe('the attacks', () => {
  it('are many, and some of each group', () => {
    expect(attacks.length).toBeGreaterThanOrEqual(75)
    expect([...new Set(attacks.map(({ id }) => id.split('/')[0]))]).toEqual(escapeGroups)
    expect(new Set(attacks.map(({ id }) => id)).size).toBe(attacks.length)
  })

  it('each have a control: a level where they must succeed, or a run of their own', () => {
    const uncontrolled = attacks.filter(({ control, expected }) => {
      return typeof control === 'string' && expected[control] !== 'open'
    })
    expect(uncontrolled).toEqual([])
  })

  it.each(escapeLevels)('each have the committed result that they expect at level %s', async (level) => {
    const results = await readResults(level)
    expect(Object.keys(results)).toEqual(attacks.map(({ id }) => id))
    expect(Object.values(results)).toEqual(attacks.map(({ expected }) => expected[level]))
  })
})

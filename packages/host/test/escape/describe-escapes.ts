import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { availableLevels } from '../available-levels.ts'
import { type Attack, type EscapeLevel, type Expected, type Verdict } from './attack.ts'
import { attacks } from './attacks.ts'
import { type EscapeLab, openLab } from './lab.ts'
import { readResults, resultsNodeMajor, writeResults } from './results.ts'

const nodeMajor = Number(process.versions.node.split('.')[0])
const attackTimeoutMs = 30_000

/** Runs every attack at one level: what is found must be what the attack says, and what `results/<level>.json` says. */
export async function describeEscapes(level: EscapeLevel): Promise<void> {
  // the others are to be had wherever Node is
  const isAvailable = !level.startsWith('os') || (await availableLevels(['os'])).length > 0
  describe.skipIf(!isAvailable)(`escapes at level ${level}`, () => {
    const found: Record<string, Verdict> = {}
    let lab: EscapeLab
    beforeAll(async () => {
      lab = await openLab(level)
    }, attackTimeoutMs)
    afterAll(() => lab[Symbol.asyncDispose](), attackTimeoutMs)

    it.each(attacks)('$id: $title', { timeout: attackTimeoutMs }, async (attack) => {
      const verdict = await lab.verdictOf(attack)
      found[attack.id] = verdict
      // with what the cells said, for whoever wonders why
      expect({ verdict, told: lab.told }).toMatchObject({ verdict: expectedOf(attack)[level] })
    })

    it.each(controlledAt(level))(
      '$id: works where nothing is in its way',
      { timeout: attackTimeoutMs },
      async (attack) => {
        expect(await lab.controlOf(attack)).toBe(true)
      },
    )

    it.skipIf(nodeMajor !== resultsNodeMajor)('are what the committed results say', async () => {
      if (process.env['CAPSULE_ESCAPE_RESULTS'] === '1') await writeResults(level, found)
      expect(found).toEqual(await readResults(level))
    })
  })
}

const expectedOf = ({ expected, sinceNode26 }: Attack): Expected => ({
  ...expected,
  ...(nodeMajor >= 26 && sinceNode26),
})

/** Controls of their own are run once, where modules are to be had. */
const controlledAt = (level: EscapeLevel): readonly Attack[] =>
  level === 'process' ? attacks.filter(({ control }) => typeof control !== 'string') : []

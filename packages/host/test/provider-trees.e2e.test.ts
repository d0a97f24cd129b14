import { describe, expect, it } from 'vitest'
import { availableLevels } from './available-levels.ts'
import { openProviderLab, setups, treeCall, watchTree } from './provider-lab.ts'

const levels = await availableLevels(['process', 'os'])
const deadlineMs = 10_000

describe.each(setups.filter(({ isolation }) => levels.includes(isolation)))(
  'a command tree that hides, $isolation, $executor',
  (setup) => {
    it('is gone after its cell was cancelled, and the session goes on', async () => {
      const lab = await openProviderLab(setup)
      const { fifo, signs } = watchTree(lab.folder)
      const { session, value } = await lab.openSession()
      const execution = session.execute(`await ${treeCall('run', fifo)}`)
      await signs.waitForCount(2, { deadlineMs })
      expect(signs.values.toSorted()).toEqual(['hidden', 'main'])
      expect(await execution.cancel()).toMatchObject({ status: 'cancelled', state: 'kept', cancelRung: 1 })
      await signs.waitFor((sign) => sign === 'gone', { deadlineMs })
      expect(await value(`(await caps.shell.run('echo', ['on'])).stdout`)).toBe('on\n')
    })

    it('is gone after its worker died, and the session goes on', async () => {
      const lab = await openProviderLab(setup)
      const { fifo, signs } = watchTree(lab.folder)
      const { session, value } = await lab.openSession()
      const execution = session.execute(`const tree = await ${treeCall('start', fifo)}
for await (const event of tree.body) if (await input() === 'die') process.exit(3)`)
      for await (const event of execution) {
        if (event.type !== 'input-request') continue
        await signs.waitForCount(2, { deadlineMs })
        await execution.respond(event.inputId, 'die')
      }
      expect(await execution.outcome).toMatchObject({ status: 'crashed', state: 'lost' })
      await signs.waitFor((sign) => sign === 'gone', { deadlineMs })
      expect(await value(`(await caps.shell.run('echo', ['on'])).stdout`)).toBe('on\n')
    })

    it('is gone after its session was shut down', async () => {
      const lab = await openProviderLab(setup)
      const { fifo, signs } = watchTree(lab.folder)
      const { session } = await lab.openSession()
      const execution = session.execute(`await ${treeCall('run', fifo)}`)
      await signs.waitForCount(2, { deadlineMs })
      await session.shutdown({ graceMs: 100 })
      expect((await execution.outcome).status).not.toBe('ok')
      await signs.waitFor((sign) => sign === 'gone', { deadlineMs })
    })
  },
)

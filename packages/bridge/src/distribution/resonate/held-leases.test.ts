import { silentLogger } from '@capsule/core'
import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { HeldLeases } from './held-leases.ts'

const leaseMs = 900

function open(): { leases: HeldLeases; lapses: () => number; beat: (isRenewed: boolean) => Promise<void> } {
  const clock = createFakeClock()
  let lapses = 0
  let isAnswering = true
  const tasks = { heartbeat: () => (isAnswering ? Promise.resolve() : Promise.reject(new Error('no answer'))) }
  const onLapse = (): void => void lapses++
  const leases = new HeldLeases(tasks, { leaseMs, clock, logger: silentLogger, onLapse })
  leases.hold({ id: 'presence', version: 1 })
  const beat = async (isRenewed: boolean): Promise<void> => {
    isAnswering = isRenewed
    clock.advance(leaseMs / 3)
    await new Promise(setImmediate)
  }
  return { leases, lapses: () => lapses, beat }
}

it('says nothing while leases are renewed in time', async () => {
  const { leases, lapses, beat } = open()
  for (const isRenewed of [true, true, true]) await beat(isRenewed)
  expect(lapses()).toBe(0)
  leases.close()
})

it('says that leases may be out once they are renewed again', async () => {
  const { leases, lapses, beat } = open()
  for (const isRenewed of [true, false, false, false]) await beat(isRenewed)
  expect(lapses()).toBe(0)
  await beat(true)
  expect(lapses()).toBe(1)
  await beat(true)
  expect(lapses()).toBe(1)
  leases.close()
})

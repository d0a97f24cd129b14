import fc from 'fast-check'
import { expect, test } from 'vitest'
import { startEngine } from './engine-process.ts'
import { cellOf, definitions, namespaces } from './random-namespace.ts'
import { roundTrip, skippedIn } from './round-trip.ts'

// CAPSULE_RUNS=2000 for a long search; a failure prints its seed and path
const numRuns = Number(process.env['CAPSULE_RUNS'] ?? 40)
const timeout = 30_000 + numRuns * 1000

test('a random namespace comes back as it was, or a report says what does not', { timeout }, async () => {
  const [from, to, fresh] = await Promise.all([startEngine(), startEngine(), startEngine()])
  const nothing = (await from.capture()).payload
  let runs = 0
  let last: { payload: string; kept: readonly string[]; before: string } | undefined
  await fc.assert(
    fc.asyncProperty(namespaces, async (namespace) => {
      // the marker keeps `to` from knowing the functions of this run from an earlier one
      await from.restore(nothing)
      await from.value(definitions(`run ${runs++}`))
      await from.value(cellOf(namespace))
      const trip = await roundTrip(from, to)
      expect(skippedIn(trip.restored)).toEqual({})
      expect(trip.after).toBe(trip.before)
      expect(trip.afterAgain).toBe(trip.before)
      expect(skippedIn(trip.again)).toEqual({})
      expect(trip.again.map(({ name }) => name).sort()).toEqual([...trip.kept].sort())
      const told = trip.captured.report.map(({ name }) => name)
      for (const index of namespace.roots.keys()) expect(told).toContain(`r${index}`)
      const known = Object.values(skippedIn(trip.captured.report))
      expect(known.every((reason) => reason !== 'undefined')).toBe(true)
      last = { payload: trip.captured.payload, kept: trip.kept, before: trip.before }
    }),
    { numRuns },
  )
  // `to` has seen all of them; this one has seen nothing
  expect((await fresh.restore(last?.payload ?? '')).kind).toBe('restored')
  expect(await fresh.describe(last?.kept ?? [])).toBe(last?.before)
})

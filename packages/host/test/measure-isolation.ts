// What the isolation levels cost: start of a session and round trip of a cell, taken in turns so that the load of the
// machine meets all alike. node --conditions=@capsule/source packages/host/test/measure-isolation.ts [ROUNDS] [EXECUTOR]
import { createCapsule, type IsolationLevel } from '@capsule/host'
import { availableLevels } from './available-levels.ts'

const rounds = Number(process.argv[2] ?? 40)
const executor = process.argv[3] === 'async' ? 'async' : 'threaded'
const cellsPerSession = 50

const levels = await availableLevels(['none', 'process', 'permission', 'os'])
const capsules = new Map<IsolationLevel, Awaited<ReturnType<typeof createCapsule>>>()
for (const isolation of levels) capsules.set(isolation, await createCapsule({ isolation, executor }))
const startsMs = new Map<IsolationLevel, number[]>(levels.map((level) => [level, []]))
const roundTripsMs = new Map<IsolationLevel, number[]>(levels.map((level) => [level, []]))

for (let round = -2; round < rounds; round++) {
  for (const [level, capsule] of capsules) {
    const startedMs = performance.now()
    const session = await capsule.createSession()
    // the first rounds warm up
    if (round >= 0) startsMs.get(level)?.push(performance.now() - startedMs)
    for (let cell = 0; cell < cellsPerSession; cell++) {
      const sentMs = performance.now()
      await session.execute('1 + 1').outcome
      if (round >= 0 && cell >= 10) roundTripsMs.get(level)?.push(performance.now() - sentMs)
    }
    await session.shutdown()
  }
}
for (const capsule of capsules.values()) await capsule.shutdown()

const quantile = (values: readonly number[] = [], share: number): string =>
  (values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN).toFixed(3)
for (const level of levels) {
  const [starts, trips] = [startsMs.get(level), roundTripsMs.get(level)]
  console.log(
    `${level.padEnd(10)} start ${quantile(starts, 0.5)} ms (p10 ${quantile(starts, 0.1)})  cell ${quantile(trips, 0.5)} ms (p10 ${quantile(trips, 0.1)})`,
  )
}

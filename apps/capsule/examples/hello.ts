/** A session in ten lines: run two cells that share their bindings. */
import { createCapsule } from '@capsule/host'

await using capsule = await createCapsule()
await using session = await capsule.createSession()

await session.run('const answer: number = 6 * 7')
const { outcome, stdout } = await session.run('console.log("computed"); answer')

console.log(stdout.trim()) // computed
console.log(outcome.status, outcome.value) // ok 42

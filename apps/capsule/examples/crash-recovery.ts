/** A worker that dies settles its cell with a truthful outcome, and the session goes on with a fresh one. */
import { createCapsule } from '@capsule/host'

await using capsule = await createCapsule()
await using session = await capsule.createSession()

session.events.on('restarted', (generation) => console.log(`worker ${generation} has taken over`))

await session.run('const precious = "here"')
for (const code of [
  `process.exit(3)`,
  `process.kill(process.pid, 'SIGKILL')`,
  `console.error('about to abort'); process.abort()`,
]) {
  const { outcome } = await session.run(code)
  const { status, state, exit } = outcome
  console.log(`${code}\n  ${status}, state ${state}, exit code ${exit?.code}, signal ${exit?.signal}`)
  const check = await session.run('typeof precious')
  console.log(`  precious is now ${check.outcome.text}`)
  await session.run('const precious = "again"')
}

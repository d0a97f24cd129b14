/** The cancel ladder: how far it has to go for each kind of cell, and what the outcome says. */
import { createCapsule } from '@capsule/host'

await using capsule = await createCapsule()
await using session = await capsule.createSession()

const cells: Record<string, string> = {
  'a pending await': `console.log('go'); await new Promise(() => {})`,
  'a cell that listens': `console.log('go'); await new Promise((resolve) => capsule.signal.addEventListener('abort', resolve))`,
  'an endless loop': `console.log('go'); while (true) {}`,
  'a loop that will not end': `console.log('go'); try { while (true) {} } finally { while (true) {} }`,
  'a waiting prompt': `prompt('never answered')`,
}
const rungs = ['dropped while queued', 'cooperative', 'terminated', 'killed']

await session.run('const precious = "still here"')
for (const [title, code] of Object.entries(cells)) {
  const execution = session.execute(code)
  for await (const event of execution) {
    // it runs: now stop it, and let the loop read to the end
    if (event.type === 'output' || event.type === 'input-request') void execution.cancel()
  }
  const { status, state, cancelRung = 0 } = await execution.outcome
  console.log(`${title}: ${status} (${rungs[cancelRung]}), state ${state}`)
}
const { outcome } = await session.run('typeof precious === "undefined" ? "gone" : precious')
console.log(`the binding made before: ${outcome.text}; tainted: ${session.info().tainted}`)

/** Output and errors of timers carry the id of the cell that started them, whatever runs by then. */
import { createCapsule } from '@capsule/host'

await using capsule = await createCapsule()
await using session = await capsule.createSession()

const titles = new Map<string, string>()
session.events.on('late', (event) => {
  const text = event.type === 'output' ? event.text.trim() : event.type === 'error' ? event.error.message : event.type
  console.log(`late, from ${titles.get(event.executionId)}: ${text}`)
})

async function run(title: string, code: string): Promise<void> {
  const execution = session.execute(code)
  titles.set(execution.executionId, title)
  for await (const event of execution) if (event.type === 'output') console.log(`${title}: ${event.text.trim()}`)
  console.log(`${title} is over: ${(await execution.outcome).status}`)
}

await run('first', `setTimeout(() => console.log('a timer of the first cell'), 30); console.log('started a timer')`)
await run('second', `setTimeout(() => { throw new Error('thrown by a timer of the second cell') }, 30)`)
// the session is still alive: an uncaught error is reported, and kills nothing
await run(
  'third',
  `await new Promise((resolve) => setTimeout(resolve, 150)); console.log('the third was running all along')`,
)

/** Events as they come: the result is never ahead of the output. */
import { createCapsule } from '@capsule/host'

await using capsule = await createCapsule()
await using session = await capsule.createSession()

const execution = session.execute(`
  for (let step = 1; step <= 3; step++) {
    console.log('step', step)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  console.error('done')
  'the value'
`)
for await (const event of execution) {
  if (event.type === 'output') console.log(`${event.stream}: ${JSON.stringify(event.text)}`)
}
const { status, value, durationMs } = await execution.outcome
console.log(`${status}: ${JSON.stringify(value)} after ${Math.round(durationMs)} ms`)

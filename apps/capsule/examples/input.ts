/** A cell asks and the host answers, both with `await input()` and with the synchronous `prompt()`. */
import { createCapsule } from '@capsule/host'

await using capsule = await createCapsule()
await using session = await capsule.createSession()

const answers: Record<string, string> = { 'Name? ': 'Ada', 'Year? ': '1843' }

const execution = session.execute(`
  const name = await input('Name? ')
  const year = prompt('Year? ')
  const more = await input('Anything else? ').catch((error) => error.code)
  ;[name, year, more].join(', ')
`)
for await (const event of execution) {
  if (event.type !== 'input-request') continue
  // null is the end of the input: the cell gets an error that says so
  const answer = answers[event.prompt] ?? null
  console.log(`${event.prompt}${answer ?? '(end of input)'}`)
  await execution.respond(event.inputId, answer)
}
const { status, text } = await execution.outcome
console.log(`${status}: ${text}`)

import { encodeValue } from '@capsule/protocol'
import { expect, it } from 'vitest'
import { isTerminalOf, openWorker } from './open-worker.ts'

const names = `Atomics Int32Array Uint8Array SharedArrayBuffer Buffer JSON Reflect Object Array Number performance Date
  setTimeout clearTimeout setImmediate queueMicrotask Map Set Error Symbol String Math process AbortController`.split(
  /\s+/,
)
const cells = [
  ...names.map((name) => `const ${name} = 'mine'`),
  'Object.prototype.toJSON = () => 5',
  'Array.prototype.toJSON = () => 5; process.exit = () => {}; process.emit = () => {}',
]

const isRequestOf = (message: { type: string; executionId?: string | undefined }, executionId: string): boolean =>
  message.type === 'capability-request' && message.executionId === executionId
const head = encodeValue(
  { status: 200, statusText: '', url: 'u', redirected: false, headers: [['a', '1']] },
  { bytes: 1000, depth: 10 },
)!.bytes

it.each(cells)('a cell with `%s` breaks nothing of the threaded worker', async (poison) => {
  const { worker, messages, printed } = await openWorker({ executor: 'threaded' })
  const run = async (executionId: string, code: string) => {
    await worker.execute({ type: 'execute', executionId, code })
    return messages.waitFor(isTerminalOf(executionId), { what: `the end of ${executionId}` })
  }
  await run('a', poison)
  worker.grant({ capabilities: [{ name: 'http.fetch', returns: 'response' }], names: [], input: true })
  expect(await run('b', 'console.log("x".repeat(2e5)); 1 + 1')).toMatchObject({ type: 'result', text: '2' })
  expect(printed('b')).toHaveLength(200_001)
  expect(await run('c', '"y".repeat(90_000)')).toMatchObject({ type: 'result' })
  expect(await run('d', 'throw new TypeError("z")')).toMatchObject({ status: 'error', error: { message: 'z' } })
  const answered = run('e', 'const line = prompt("?"); await input("!") + line')
  const prompted = await messages.waitFor((message) => message.type === 'input-request')
  const asked = messages.waitFor((message) => message.type === 'input-request' && message.prompt === '!')
  for (const request of [prompted, await answer(prompted).then(() => asked)]) await answer(request)
  expect(await answered).toMatchObject({ text: "'aa'" })
  const fetched = run('h', 'const r = await caps.http.fetch("u"); [r.headers.get("A"), await r.text()]')
  await fetchAnswer(await messages.waitFor((message) => message.type === 'capability-request'))
  expect(await fetched).toMatchObject({ text: "[ '1', '' ]" })
  const refused = run('i', 'await caps.http.fetch("v").catch((error) => error.code)')
  await refuse(await messages.waitFor((message) => isRequestOf(message, 'i')))
  expect(await refused).toMatchObject({ text: "'NO'" })
  const looping = run('f', 'console.log("go"); while (true) {}')
  await messages.waitFor((message) => message.type === 'output' && message.text === 'go\n')
  worker.cancel({ type: 'cancel', executionId: 'f', reason: 'cancelled', cooperativeMs: 30 })
  expect(await looping).toMatchObject({ status: 'cancelled' })
  expect(await run('g', '"alive"')).toMatchObject({ text: "'alive'" })

  async function fetchAnswer(message: unknown): Promise<void> {
    const { executionId, callId } = message as { executionId: string; callId: string }
    worker.respond({ type: 'capability-response', executionId, callId, answer: { kind: 'value', value: head } })
  }

  async function refuse(message: unknown): Promise<void> {
    const { executionId, callId } = message as { executionId: string; callId: string }
    const error = { name: 'CapsuleError', message: 'no', code: 'NO' }
    worker.respond({ type: 'capability-response', executionId, callId, answer: { kind: 'error', error } })
  }

  async function answer(message: unknown): Promise<void> {
    const { executionId, inputId } = message as { executionId: string; inputId: string }
    worker.respond({ type: 'input-response', executionId, inputId, answer: { kind: 'text', text: 'a' } })
  }
})

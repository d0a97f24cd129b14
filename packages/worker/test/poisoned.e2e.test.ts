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

it.each(cells)('a cell with `%s` breaks nothing of the threaded worker', async (poison) => {
  const { worker, messages, printed } = await openWorker({ executor: 'threaded' })
  const run = async (executionId: string, code: string) => {
    await worker.execute({ type: 'execute', executionId, code })
    return messages.waitFor(isTerminalOf(executionId), { what: `the end of ${executionId}` })
  }
  await run('a', poison)
  expect(await run('b', 'console.log("x".repeat(2e5)); 1 + 1')).toMatchObject({ type: 'result', text: '2' })
  expect(printed('b')).toHaveLength(200_001)
  expect(await run('c', '"y".repeat(90_000)')).toMatchObject({ type: 'result' })
  expect(await run('d', 'throw new TypeError("z")')).toMatchObject({ status: 'error', error: { message: 'z' } })
  const answered = run('e', 'const line = prompt("?"); await input("!") + line')
  const prompted = await messages.waitFor((message) => message.type === 'input-request')
  const asked = messages.waitFor((message) => message.type === 'input-request' && message.prompt === '!')
  for (const request of [prompted, await answer(prompted).then(() => asked)]) await answer(request)
  expect(await answered).toMatchObject({ text: "'aa'" })
  const looping = run('f', 'console.log("go"); while (true) {}')
  await messages.waitFor((message) => message.type === 'output' && message.text === 'go\n')
  worker.cancel({ type: 'cancel', executionId: 'f', reason: 'cancelled', cooperativeMs: 30 })
  expect(await looping).toMatchObject({ status: 'cancelled' })
  expect(await run('g', '"alive"')).toMatchObject({ text: "'alive'" })

  async function answer(message: unknown): Promise<void> {
    const { executionId, inputId } = message as { executionId: string; inputId: string }
    worker.respond({ type: 'input-response', executionId, inputId, answer: { kind: 'text', text: 'a' } })
  }
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { EngineProcess } from './engine-process.ts'

let engine: EngineProcess
beforeAll(async () => {
  engine = await EngineProcess.start()
})
afterAll(() => engine.stop())

test.each([
  ['a timer', "setTimeout(() => { throw new Error('late') }, 5)"],
  ['an immediate', "setImmediate(() => { throw new Error('late') })"],
  ['a microtask', "queueMicrotask(() => { throw new Error('late') })"],
  ['a rejected promise', "void Promise.reject(new Error('late'))"],
  ['unawaited work', "void (async () => { await null; throw new Error('late') })()"],
  [
    'an event handler',
    "const target = new EventTarget(); target.addEventListener('x', () => { throw new Error('late') }); target.dispatchEvent(new Event('x'))",
  ],
])('an error in %s names the execution that caused it', async (_, code) => {
  const executionId = engine.begin(code)
  await engine.settled(executionId)
  engine.begin('await new Promise((resolve) => setTimeout(resolve, 20))')
  const late = await engine.late()
  expect(late).toMatchObject({ executionId, error: { name: 'Error', message: 'late' } })
  expect(late.error.stack).toMatch(/at .*cell-\d+\.js:1:\d+/)
})

test('what was thrown late keeps its kind', async () => {
  await engine.run('setTimeout(() => { throw 5 })')
  expect((await engine.late()).error).toMatchObject({ name: '5', message: '5' })
})

test('handlers of the user are called, and neither their errors nor their removal end the process', async () => {
  await engine.run(
    "globalThis.heard = []; process.on('uncaughtException', (error) => { heard.push(error.message); throw new Error('handler') })",
  )
  await engine.run("setTimeout(() => { throw new Error('first') })")
  expect((await engine.late()).error.message).toBe('first')
  expect((await engine.late()).error.message).toBe('handler')
  expect(await engine.value('heard')).toEqual(['first'])
  await engine.run("process.removeAllListeners('uncaughtException'); process.removeAllListeners('unhandledRejection')")
  await engine.run("setTimeout(() => { throw new Error('second') }); void Promise.reject(new Error('third'))")
  const messages = [(await engine.late()).error.message, (await engine.late()).error.message]
  expect(messages.sort()).toEqual(['second', 'third'])
  expect(engine.isAlive).toBe(true)
})

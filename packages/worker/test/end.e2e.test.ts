import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createRecorder, waitFor } from '@capsule/testing'
import { workerEntry } from '@capsule/worker'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isTerminalOf, openWorker } from './open-worker.ts'
import { helloOf } from './remote-worker.ts'
import { spawnWorker } from './spawn-worker.ts'
import { defaultWorkerSettings } from '@capsule/protocol'

describe.each(['threaded', 'async'] as const)('the end of the %s worker', (executor) => {
  it('comes with all that was printed before process.exit()', async () => {
    const { worker, transport, printed } = await openWorker({ executor })
    const code = 'for (let i = 0; i < 3000; i++) console.log(String(i).padEnd(1023, ".")); process.exit(5)'
    await worker.execute({ type: 'execute', executionId: 'e', code })
    expect(await waitFor(transport.exited)).toEqual({ code: 5, signal: null })
    expect(printed('e').length).toBe(3000 * 1024)
    expect(printed('e').endsWith(`${'2999'.padEnd(1023, '.')}\n`)).toBe(true)
  })

  it('comes with what exit listeners print', async () => {
    const { worker, transport, printed } = await openWorker({ executor })
    const code = 'process.on("exit", (code) => console.log("leaving with", code)); process.exit(6)'
    await worker.execute({ type: 'execute', executionId: 'e', code })
    expect(await waitFor(transport.exited)).toEqual({ code: 6, signal: null })
    expect(printed('e')).toBe('leaving with 6\n')
  })

  it('comes when it is told to shut down, behind the cell that runs', async () => {
    const { worker, transport, messages } = await openWorker({ executor })
    const code = 'process.exit = () => {}; await new Promise((go) => setTimeout(go, 30)); console.log("out"); "end"'
    await worker.execute({ type: 'execute', executionId: 'e', code })
    transport.send({ type: 'shutdown', graceMs: 5000 })
    expect(await waitFor(transport.exited)).toEqual({ code: 0, signal: null })
    expect(messages.values).toMatchObject([
      { type: 'output', text: 'out\n' },
      { type: 'result', text: "'end'" },
    ])
  })

  it('comes when the grace of the shutdown is over', async () => {
    const { worker, transport, messages } = await openWorker({ executor })
    await worker.execute({ type: 'execute', executionId: 'e', code: 'await new Promise(() => {})' })
    transport.send({ type: 'shutdown', graceMs: 10 })
    expect(await waitFor(transport.exited)).toEqual({ code: 0, signal: null })
    expect(messages.values.filter((message) => message.type === 'result')).toEqual([])
  })

  it('comes with code 65 and the reason when the hello is refused', async () => {
    const transport = spawnWorker({ executor })
    onTestFinished(async () => transport[Symbol.asyncDispose]())
    const messages = createRecorder<unknown>()
    transport.start({ message: messages.record, end: () => {} })
    const hello = helloOf({ settings: defaultWorkerSettings, windowBytes: 1 })
    transport.send({ ...hello, protocol: { major: 99, minor: 0 } })
    expect(await waitFor(transport.exited)).toEqual({ code: 65, signal: null })
    expect(messages.values).toMatchObject([{ type: 'error', terminal: false, error: { code: 'PROTOCOL_MISMATCH' } }])
  })

  it('comes with code 65 when a message cannot be read', async () => {
    const { transport, messages } = await openWorker({ executor })
    transport.send({ type: 'cancel' } as never)
    expect(await waitFor(transport.exited)).toEqual({ code: 65, signal: null })
    expect(messages.values).toMatchObject([{ type: 'error', terminal: false, error: { code: 'INVALID_MESSAGE' } }])
  })
})

describe('the end of the threaded worker', () => {
  it('comes when a message cannot be read while a cell loops', async () => {
    const { worker, transport, messages } = await openWorker({ executor: 'threaded' })
    await worker.execute({ type: 'execute', executionId: 'e', code: 'console.log("go"); while (true) {}' })
    await messages.waitFor((message) => message.type === 'output')
    transport.send({ type: 'cancel' } as never)
    expect(await waitFor(transport.exited)).toEqual({ code: null, signal: 'SIGKILL' })
    expect(messages.values.at(-1)).toMatchObject({ terminal: false, error: { code: 'INVALID_MESSAGE' } })
  })

  it('comes after a while when nobody takes the output', async () => {
    const { worker, transport, messages } = await openWorker({ executor: 'threaded', windowBytes: 10 })
    await worker.execute({ type: 'execute', executionId: 'e', code: 'console.log("x".repeat(1e5)); process.exit(7)' })
    await messages.waitFor((message) => message.type === 'output')
    expect(await waitFor(transport.exited)).toEqual({ code: 7, signal: null })
  })

  it('comes with code 70 and the reason when the control thread fails', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'capsule-worker-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    await copyFile(workerEntry, join(folder, 'main.cjs'))
    const control = JSON.stringify(new URL('control.cjs', workerEntry).pathname)
    // fails when the cell says so, which is after the output was captured
    const failing = `require(${control}); require('node:worker_threads').getEnvironmentData('fail')
const { existsSync } = require('node:fs')
setInterval(() => { if (existsSync(${JSON.stringify(join(folder, 'fail'))})) throw new Error('out of order') }, 5)`
    await writeFile(join(folder, 'control.cjs'), failing)
    const entry = pathToFileURL(join(folder, 'main.cjs'))
    const { worker, transport } = await openWorker({ executor: 'threaded', entry })
    const code = `require('fs').writeFileSync(${JSON.stringify(join(folder, 'fail'))}, ''); await new Promise(() => {})`
    await worker.execute({ type: 'execute', executionId: 'e', code })
    expect(await waitFor(transport.exited)).toEqual({ code: 70, signal: null })
    expect(transport.stderrTail).toMatch(/capsule: the control thread failed: Error: out of order/)
  })
})

describe('what does not fit into a frame', () => {
  it('is asked with a shorter prompt', async () => {
    const { worker, messages } = await openWorker({ executor: 'threaded' })
    await worker.execute({ type: 'execute', executionId: 'e', code: 'await input("?".repeat(11e6))' })
    const request = await messages.waitFor((message) => message.type === 'input-request')
    if (request.type !== 'input-request') throw new Error('not a request')
    expect(request.prompt).toHaveLength(1001)
    const { inputId, executionId } = request
    worker.respond({ type: 'input-response', executionId, inputId, answer: { kind: 'text', text: 'yes' } })
    expect(await messages.waitFor(isTerminalOf('e'))).toMatchObject({ text: "'yes'" })
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { waitFor } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'

const host = fileURLToPath(new URL('fixtures/killed-host.ts', import.meta.url))

it.each([
  ['threaded', 'idle', ''],
  ['threaded', 'in a loop', 'console.log("go"); while (true) {}'],
  ['threaded', 'in a blocked prompt', 'console.log("go"); prompt()'],
  ['threaded', 'in a native call', 'console.log("go"); require("crypto").pbkdf2Sync("a", "b", 1e9, 64, "sha512")'],
  ['threaded', 'printing to a host that does not read', 'for (;;) console.log("x".repeat(1000))'],
  ['threaded', 'with an exit listener that loops', 'process.on("exit", () => { for (;;) {} }); console.log("go")'],
  ['async', 'idle', ''],
  ['async', 'with an exit listener that loops', 'process.on("exit", () => { for (;;) {} }); console.log("go")'],
])('a %s worker ends with its host: %s', async (executor, _state, code) => {
  const args = ['--conditions=@capsule/source', host, executor, code]
  const child = spawn(process.execPath, args, { env: {}, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { value } = await waitFor(lines.next(), { what: 'the pid of the worker' })
  const pid = Number(value)
  expect(pid).toBeGreaterThan(0)
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
  expect((await waitFor(lines.next(), { what: 'the state' })).value).toBe('ready')
  expect(isAlive(pid)).toBe(true)
  child.kill('SIGKILL')
  await exited
  await waitFor(gone(pid), { what: 'the end of the worker' })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The kernel tells nobody when a process ends that is not a child, so this asks again and again. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10))
}

import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { waitFor, waitForEvent } from '@capsule/testing'
import { expect, it, onTestFinished } from 'vitest'

const file = join(import.meta.dirname, 'fixtures/bridge-process.ts')
const deadlineMs = 20_000

it('keeps its process while a call of it waits for the store, or for what it stops', async () => {
  const args = ['--conditions=@capsule/source', file]
  const child = spawn(process.execPath, args, { env: { TMPDIR: tmpdir() }, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = waitForEvent(child, 'close', { deadlineMs, what: 'the end of the process' })
  expect(await waitFor(text(child.stdout), { deadlineMs })).toBe('answered true\nclosed\n')
  expect(await exited).toEqual([0, null])
})

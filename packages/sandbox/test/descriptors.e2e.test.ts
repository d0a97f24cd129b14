import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'

/** Above those for which Node sets CLOEXEC when it starts. */
const leakedFd = 40

// `none` shows that it leaks where nothing is done
it.runIf(process.platform === 'linux').each([
  ['none', 'file'],
  ['process', 'device'],
])('at level %s a worker finds a %s where its host has an inherited file', async (level, expected) => {
  const fd = openSync(import.meta.filename, 'r')
  const slots = Array.from({ length: leakedFd - 2 }, (_, index) => (index === leakedFd - 3 ? fd : 'ignore'))
  const host = spawn(
    process.execPath,
    ['--conditions=@capsule/source', `${import.meta.dirname}/fixtures/leaking-host.ts`, level, String(leakedFd)],
    { env: {}, stdio: ['ignore', 'pipe', 'inherit', ...slots] },
  )
  closeSync(fd)
  const closed = once(host, 'close')
  if (host.stdout === null) throw new TypeError('no pipe')
  expect(await text(host.stdout)).toBe(expected)
  await closed
})

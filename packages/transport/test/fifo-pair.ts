import { execFileSync } from 'node:child_process'
import { open } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createFdTransport } from '@capsule/transport'
import type { TransportPair } from '@capsule/transport/testing'

// plain numbers: a FileHandle would close its descriptor a second time
const openFd = promisify(open)

/** Two descriptor transports in this process, over two named pipes. */
export async function createFifoPair(): Promise<TransportPair> {
  const folder = await mkdtemp(join(tmpdir(), 'capsule-transport-'))
  const paths = ['a', 'b'].map((name) => join(folder, name)) as [string, string]
  execFileSync('mkfifo', paths)
  // opening one end waits for the other
  const ends = (path: string) => Promise.all([openFd(path, 'r'), openFd(path, 'w')])
  const [toRight, toLeft] = await Promise.all([ends(paths[0]), ends(paths[1])])
  const left = createFdTransport<object>({ readFd: toLeft[0], writeFd: toRight[1], write: 'async' })
  const right = createFdTransport<object>({ readFd: toRight[0], writeFd: toLeft[1], write: 'async' })
  return {
    left,
    right,
    async dispose() {
      await Promise.all([left.close({ discard: true }), right.close({ discard: true })])
      await rm(folder, { recursive: true })
    },
  }
}

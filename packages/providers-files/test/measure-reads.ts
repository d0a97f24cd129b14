/**
 * How long a read takes by descriptors, by realpath, and with no confinement at all. Run it by hand:
 * `node --conditions=@capsule/source packages/providers-files/test/measure-reads.ts`
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { files } from '../src/index.ts'
import { openRoot } from '../src/root/open-root.ts'

const rounds = 15
const callsPerRound = 1000

const base = realpathSync(mkdtempSync(join(tmpdir(), 'capsule-measure-')))
mkdirSync(join(base, 'a/b/c'), { recursive: true })
for (const path of ['f.txt', 'a/b/c/f.txt']) writeFileSync(join(base, path), 'x'.repeat(1024))

function createOpen(confinement: 'descriptors' | 'realpath'): (path: string) => void {
  const root = openRoot('data', base, { hardLinks: 'refuse', mounts: 'refuse' }, confinement)
  return (path) => {
    const segments = path.split('/')
    const directory = root.openDirectory(segments.slice(0, -1))
    const { fd } = directory.openFile(segments.at(-1)!, 'read')
    directory.close()
    readFileSync(fd)
    closeSync(fd)
  }
}

function createCall(confinement: 'descriptors' | 'realpath'): (path: string) => unknown {
  const provider = files({ roots: { data: { path: base } }, confinement })
  const context = { signal: new AbortController().signal, limits: { outputBytes: Infinity }, annotate: () => {} }
  return (path) => {
    const checked = provider.capabilities['read']?.checkInput({ path })
    return checked?.isValid === true && provider.capabilities['read']?.invoke(checked.value, context as never)
  }
}

const contenders: Readonly<Record<string, (path: string) => unknown>> = {
  'root, descriptors': createOpen('descriptors'),
  'root, realpath': createOpen('realpath'),
  'no confinement': (path) => {
    const fd = openSync(join(base, path), 'r')
    readFileSync(fd)
    closeSync(fd)
  },
  'files.read, descriptors': createCall('descriptors'),
  'files.read, realpath': createCall('realpath'),
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

for (const path of ['f.txt', 'a/b/c/f.txt']) {
  const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]))
  // alternating, so that what else the machine does falls on all of them
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, read] of Object.entries(contenders)) {
      const startMs = performance.now()
      for (let calls = 0; calls < callsPerRound; calls += 1) await read(path)
      times.get(name)?.push(((performance.now() - startMs) / callsPerRound) * 1000)
    }
  }
  for (const [name, all] of times) console.log(`${path.padEnd(12)} ${name.padEnd(24)} ${median(all).toFixed(1)} µs`)
}
rmSync(base, { recursive: true })

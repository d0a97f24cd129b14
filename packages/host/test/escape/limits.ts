import { setTimeout as delay } from 'node:timers/promises'
import { type CapsuleSessionOptions } from '@capsule/host'
import { type Attack, stoppedEverywhere, stoppedFrom } from './attack.ts'
import { isUsable } from './control.ts'
import type { EscapeLab } from './lab.ts'

const bytesPerMb = 1024 * 1024

/** What confined workers have by default, but smaller; at levels `none` and `process` there are no limits by default. */
const limited =
  (options: CapsuleSessionOptions) =>
  ({ isConfined }: EscapeLab): CapsuleSessionOptions =>
    isConfined ? options : {}

/** Long enough for the watchdog to look. */
const hold = 'await new Promise((resolve) => setTimeout(resolve, 500))'

const grownMb = async (during: () => Promise<unknown>): Promise<number> => {
  const before = process.memoryUsage.rss()
  await during()
  return (process.memoryUsage.rss() - before) / bytesPerMb
}

/** A cell that never gives the thread back: it must end by its timeout. */
const blocking = (id: string, title: string, code: string): Attack => ({
  id: `limits/${id}`,
  title,
  expected: stoppedEverywhere,
  // without a timeout it goes on
  control: ({ lab }) =>
    lab.withSession({}, async (session) => {
      const execution = session.execute(code)
      const first = await Promise.race([execution.outcome, delay(1500, 'goes on')])
      await execution.cancel({ graceMs: 100 })
      return first === 'goes on'
    }),
  async drive(_, open) {
    const session = await open()
    const execution = session.execute(code, { timeoutMs: 300, graceMs: 300 })
    const first = await Promise.race([execution.outcome, delay(6000, undefined, { ref: false })])
    return first?.status !== 'timed-out' || !(await isUsable(session))
  },
})

/** A worker that ends: its session must go on with another. */
const ending = (id: string, title: string, code: string): Attack => ({
  id: `limits/${id}`,
  title,
  expected: stoppedEverywhere,
  control: ({ lab }) =>
    lab.withSession(
      {},
      async (session) => (await session.run(code, { timeoutMs: 20_000 })).outcome.status === 'crashed',
    ),
  async drive(_, open) {
    const session = await open()
    await session.run(code, { timeoutMs: 20_000 })
    return !(await isUsable(session))
  },
})

export const limitAttacks: readonly Attack[] = [
  {
    id: 'limits/heap',
    title: 'holds 320 MB of objects where `maxHeapMb` is 64',
    expected: stoppedFrom('permission'),
    control: 'process',
    session: limited({ maxHeapMb: 64 }),
    cell: () => `const all = []
while (all.length < 40) all.push(new Array(1_000_000).fill(all.length + 0.5))
return all.length === 40`,
    note: 'At levels `none` and `process` nothing is limited unless the session says so.',
  },
  {
    id: 'limits/buffers',
    title: 'holds 500 MB of buffers, which V8’s limit does not count, where `maxRssMb` is 200',
    expected: stoppedFrom('permission'),
    control: 'process',
    session: limited({ maxRssMb: 200 }),
    cell: () => `const all = []
while (all.length < 50) all.push(Buffer.alloc(10_000_000, 1))
${hold}
return all.length === 50`,
  },
  {
    id: 'limits/wasm-memory',
    title: 'holds 500 MB of WebAssembly memory where `maxRssMb` is 200',
    expected: stoppedFrom('permission'),
    control: 'process',
    session: limited({ maxRssMb: 200 }),
    cell: () => `const memory = new WebAssembly.Memory({ initial: 8000 })
new Uint8Array(memory.buffer).fill(1)
${hold}
return memory.buffer.byteLength === 8000 * 65536`,
  },
  {
    id: 'limits/cpu',
    title: 'uses 1.5 s of CPU where `maxCpuMs` is 300',
    expected: stoppedFrom('permission'),
    control: 'process',
    session: limited({ maxCpuMs: 300 }),
    cell: () => `for (let used = 0; used < 1_500_000; ) { const { user, system } = process.cpuUsage(); used = user + system }
return true`,
  },
  {
    id: 'limits/cpu-between-cells',
    title: 'uses CPU when its cell has ended, where `maxCpuMs` is 300',
    expected: stoppedFrom('permission'),
    control: 'process',
    async drive({ lab }, open) {
      const session = await open(limited({ maxCpuMs: 300 })(lab))
      const crashed = new Promise((resolve) => session.events.once('crashed', () => resolve('crashed')))
      await session.run('setTimeout(() => { for (;;) ; }, 1); 1')
      return (await Promise.race([crashed, delay(3000, 'goes on')])) === 'goes on'
    },
  },
  {
    id: 'limits/disk',
    title: 'writes 80 MB into the directory that it was started in',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: () => `const fs = await mod('fs')
try {
  for (let i = 0; i < 80; i++) fs.appendFileSync('./filled', Buffer.alloc(1024 * 1024))
  return fs.statSync('./filled').size === 80 * 1024 * 1024
} finally { fs.rmSync('./filled', { force: true }) }`,
  },
  {
    id: 'limits/memory-files',
    title: 'writes files outside of that directory: into /dev/shm, /dev and /, which would be memory without a limit',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: ({ lab, path }) => `const fs = await mod('fs')
const places = ${JSON.stringify(lab.isConfined ? ['/dev/shm/new', '/dev/new', '/new', '/capsule/new'] : [path])}
return places.some((place) => {
  try {
    fs.writeFileSync(place, 'x')
    fs.rmSync(place)
    return true
  } catch { return false }
})`,
  },
  {
    id: 'limits/fork-bomb',
    title: 'has 40 processes at once',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: () => `const { spawn } = await mod('child_process')
const children = Array.from({ length: 40 }, () => spawn(process.execPath.startsWith('/node') ? '/node' : '/bin/cat', [], { stdio: ['pipe', 'ignore', 'ignore'] }))
await Promise.all(children.map((child) => new Promise((resolve) => child.on('spawn', resolve).on('error', resolve))))
const count = children.filter((child) => child.pid > 0).length
for (const child of children) child.kill('SIGKILL')
return count === 40`,
  },
  {
    id: 'limits/threads',
    title: 'has 10 threads, each with a heap of its own',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    cell: () => `const { Worker } = await mod('worker_threads')
const threads = Array.from({ length: 10 }, () => new Worker('setTimeout(() => {}, 60_000)', { eval: true }))
await within(Promise.all(threads.map((thread) => new Promise((resolve) => thread.on('online', resolve)))), 6000)
await Promise.all(threads.map((thread) => thread.terminate()))
return true`,
    note: '`maxRssMb` and `maxCpuMs` count all threads together.',
  },
  {
    id: 'limits/descriptors',
    title: 'opens 2000 files at once',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    cell: () => `const fs = await mod('fs')
const opened = []
try {
  while (opened.length < 2000) opened.push(fs.openSync('/dev/null'))
  return true
} finally { for (const fd of opened) fs.closeSync(fd) }`,
  },
  {
    id: 'limits/output-flood',
    title: 'fills the memory of the host by printing without end, while nobody reads',
    expected: stoppedEverywhere,
    // a reader gets all of it
    control: ({ lab }) =>
      lab.withSession({}, async (session) => {
        const execution = session.execute('for (;;) console.log("x".repeat(10_000))')
        let characters = 0
        for await (const event of execution) {
          if (event.type === 'output') characters += event.text.length
          if (characters > 50_000_000) void execution.cancel({ graceMs: 100 })
        }
        return characters > 50_000_000
      }),
    async drive(_, open) {
      const session = await open()
      const execution = session.execute('for (;;) console.log("x".repeat(10_000))')
      const grown = await grownMb(() => delay(1000))
      await execution.cancel({ graceMs: 200 })
      return grown > 100 || !(await isUsable(session))
    },
  },
  {
    id: 'limits/large-value',
    title: 'fills the memory of the host by a value of 300 MB',
    expected: stoppedEverywhere,
    control: ({ lab }) =>
      lab.withSession({}, async (session) => {
        const { outcome } = await session.run('new Uint8Array(1_000_000)')
        return (outcome.value as Uint8Array).length === 1_000_000
      }),
    async drive(_, open) {
      const session = await open()
      const grown = await grownMb(() => session.run('new Uint8Array(300_000_000)'))
      return grown > 100 || !(await isUsable(session))
    },
  },
  blocking('endless-loop', 'blocks the session by an endless loop', 'for (;;) ;'),
  blocking(
    'endless-microtasks',
    'blocks the session by microtasks without end',
    'const again = () => Promise.resolve().then(again); await again()',
  ),
  blocking(
    'native-loop',
    'blocks the session inside one call of native code, which cannot be terminated',
    "const text = 'x'.repeat(2 ** 27); for (;;) text.replaceAll('x', 'yz').length",
  ),
  ending('abort', 'ends its worker by process.abort(), without modules', 'process.abort()'),
  ending('exit', 'ends its worker by process.reallyExit(), without modules', 'process.reallyExit(0)'),
  ending('trap', 'makes V8 end the process', "'x'.repeat(2 ** 28).split('')"),
]

import { createCapsule, customDriver, type IsolationLevel, tokens } from '@capsule/host'
import type { Session } from '@capsule/session'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Capsule, type CapsuleOptions, type CapsuleSessionOptions } from '../src/index.ts'
import { availableLevels } from './available-levels.ts'
import { armWorkers } from './escape/armed-worker.ts'

const levels = await availableLevels(['none', 'process', 'permission', 'os'])
const confined = levels.filter((level) => level === 'permission' || level === 'os')

async function openCapsule(options: CapsuleOptions): Promise<Capsule> {
  const capsule = await createCapsule(options)
  onTestFinished(() => capsule.shutdown({ graceMs: 0 }))
  return capsule
}

async function openSession(isolation: IsolationLevel, options: CapsuleSessionOptions = {}): Promise<Session> {
  // what the level keeps cells from is seen by code that has modules
  return (await openCapsule({ isolation, parts: armWorkers })).createSession(options)
}

describe.each(levels)('level %s', (level) => {
  it.each(['threaded', 'async'] as const)(
    'runs cells, survives a restart, and says what it is (%s)',
    async (executor) => {
      const capsule = await openCapsule({ isolation: level, executor })
      const session = await capsule.createSession()
      expect([capsule.info().isolation, session.info().isolation]).toEqual([level, level])
      expect((await session.run('enum A { B = 41 }; A.B + 1', { language: 'ts' })).outcome.value).toBe(42)
      await session.restart()
      expect((await session.run('typeof A')).outcome.value).toBe('undefined')
      expect(session.info().isolation).toBe(level)
    },
  )

  it('ends an endless loop and keeps the namespace', async () => {
    const session = await openSession(level)
    await session.run('var before = 1')
    const { outcome } = await session.run('try { for (;;) {} } finally { for (;;) {} }', { timeoutMs: 100 })
    expect(outcome).toMatchObject({ status: 'timed-out', state: 'kept', cancelRung: 2 })
    expect((await session.run('before')).outcome.value).toBe(1)
  })

  it('tells the exit code of a cell that exits', async () => {
    const session = await openSession(level)
    for (let code = 1; code <= 5; code++) {
      const { outcome, stdout } = await session.run(`console.log('out'); process.exit(${code})`)
      expect([outcome.exit?.code, outcome.exit?.stderrTail, stdout]).toEqual([code, '', 'out\n'])
    }
  })
})

describe.each(confined)('confined workers at level %s', (level) => {
  it.each(['threaded', 'async'] as const)('have given up all that their start needed (%s)', async (executor) => {
    const session = await openSession(level, { executor })
    const { outcome } =
      await session.run(`const scopes = ['fs.read', 'fs.write', 'worker', 'inspector', 'child', 'addon', 'wasi']
const { dirname } = require('node:path')
const folder = dirname(process.argv[1])
;[...scopes.filter((scope) => process.permission.has(scope)),
  ...['main.cjs', 'control.cjs'].filter((file) => process.permission.has('fs.read', folder + '/' + file))]`)
    expect(outcome.value).toEqual([])
  })

  it.each([
    ["new (require('node:worker_threads').Worker)('', { eval: true, execArgv: [] })", 'ERR_ACCESS_DENIED'],
    ["new (require('node:inspector').Session)().connect()", 'ERR_ACCESS_DENIED'],
    ["require('node:inspector').open(0)", 'ERR_ACCESS_DENIED'],
    ["require('node:fs').readFileSync('/etc/passwd')", 'ERR_ACCESS_DENIED'],
    ["require('node:fs').writeFileSync('a', '')", 'ERR_ACCESS_DENIED'],
    ["require('node:child_process').execFileSync('/bin/true')", 'ERR_ACCESS_DENIED'],
    ["process.execve('/bin/true', ['true'], {})", 'ERR_ACCESS_DENIED'],
    ["require('node:sqlite')", 'ERR_UNKNOWN_BUILTIN_MODULE'],
    ["process.dlopen({}, '/lib/x.node')", 'ERR_DLOPEN_DISABLED'],
  ])('refuse %s', async (code, expected) => {
    const session = await openSession(level)
    expect((await session.run(code)).outcome).toMatchObject({ status: 'error', error: { code: expected } })
  })

  it('take no directory of the host', async () => {
    const capsule = await openCapsule({ isolation: level })
    await expect(capsule.createSession({ cwd: '/' })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    expect(capsule.sessions).toEqual([])
  })
})

describe.runIf(process.platform === 'linux').each(levels)('limits at level %s', (level) => {
  it('end a worker that holds too much memory outside of its heap', async () => {
    const session = await openSession(level, { maxRssMb: 250 })
    const { outcome } = await session.run(
      'const held = []; for (;;) { held.push(Buffer.alloc(5e6, 1)); await new Promise((go) => setTimeout(go, 1)) }',
    )
    expect(outcome).toMatchObject({
      status: 'crashed',
      state: 'lost',
      error: { code: 'MEMORY_LIMIT_EXCEEDED', message: expect.stringContaining('maxRssMb (250 MiB)') },
      exit: { signal: 'SIGKILL' },
    })
    expect((await session.run('1 + 1')).outcome.value).toBe(2)
  })

  it('end a worker that uses too much CPU in one execution, and only that', async () => {
    const session = await openSession(level, { maxCpuMs: 400 })
    const { outcome } = await session.run('for (;;) {}')
    expect(outcome).toMatchObject({
      status: 'crashed',
      error: { code: 'CPU_LIMIT_EXCEEDED', message: expect.stringContaining('maxCpuMs (400 ms)') },
    })
    // more than the limit in all
    const cell = `(() => {
  const usedMs = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000
  const startedMs = usedMs()
  while (usedMs() - startedMs < 150) for (let turn = 0; turn < 1e6; turn++);
  return 'done'
})()`
    for (let run = 0; run < 4; run++) expect((await session.run(cell)).outcome.value).toBe('done')
  })

  it('end a worker that a cell has left busy', async () => {
    const session = await openSession(level, { maxCpuMs: 400 })
    const crashed = new Promise((resolve) => session.events.once('crashed', resolve))
    await session.run('setTimeout(() => { for (;;) {} }, 1); 1')
    expect(await crashed).toMatchObject({ signal: 'SIGKILL' })
    expect((await session.run('1')).outcome).toMatchObject({ error: { code: 'CPU_LIMIT_EXCEEDED' } })
  })
})

it('is as strong as it can be for auto', async () => {
  const capsule = await openCapsule({})
  expect(capsule.info().isolation).toBe(levels.at(-1))
})

it('refuses limits that nobody could enforce, and starts nothing', async () => {
  const driver = customDriver({ name: 'opaque', level: 'process', wrapCommand: (argv) => argv })
  const capsule = await openCapsule({
    isolation: 'process',
    parts: (container) => container.provide(tokens.drivers, () => [driver]),
  })
  await expect(capsule.createSession({ maxCpuMs: 100 })).rejects.toMatchObject({
    code: 'WATCHDOG_UNAVAILABLE',
    message: expect.stringContaining('maxCpuMs'),
  })
  expect(capsule.sessions).toEqual([])
  const session = await capsule.createSession()
  expect((await session.run('1 + 1')).outcome.value).toBe(2)
})

it('ends a worker that it cannot watch though limits were asked for, and lets it be when they were not', async () => {
  const wrapCommand = (argv: readonly string[]): readonly string[] => argv
  const driver = customDriver({ name: 'odd', level: 'permission', wrapCommand, workerPid: () => undefined })
  const capsule = await openCapsule({
    isolation: 'permission',
    parts: (container) => container.provide(tokens.drivers, () => [driver]),
  })
  await expect(capsule.createSession({ maxRssMb: 1000 })).rejects.toMatchObject({ code: 'WATCHDOG_UNAVAILABLE' })
  const session = await capsule.createSession()
  expect((await session.run('1 + 1')).outcome.value).toBe(2)
})

import { existsSync, readFileSync } from 'node:fs'
import { url as inspectorUrl } from 'node:inspector'
import { setTimeout as delay } from 'node:timers/promises'
import { waitFor } from '@capsule/testing'
import { type Attack, quoted, type Shot, stoppedEverywhere, stoppedFrom } from './attack.ts'
import { hasReturnedTrue } from './lab.ts'
import { controlCell } from './control.ts'

/** How long an inspector may take to open. Nothing tells that none will. */
const inspectorMs = 500

async function hasHostInspector(): Promise<boolean> {
  for (const end = Date.now() + inspectorMs; Date.now() < end; await delay(10)) {
    if (inspectorUrl() !== undefined) return true
  }
  return false
}

const opensNeighbour = async ({ lab }: Shot): Promise<boolean> => {
  await waitFor(lab.stage.neighbour.inspected, { what: 'the inspector of the neighbour' })
  return true
}

const signalsNeighbour = ({ lab }: Shot): string => `process.kill(${lab.stage.neighbour.pid}, 'SIGUSR1'); return true`

export const processAttacks: readonly Attack[] = [
  {
    id: 'process/shell',
    title: 'runs a shell command',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: () =>
      `return (await mod('child_process')).execFileSync('/bin/sh', ['-c', 'echo got out']).includes('got out')`,
  },
  {
    id: 'process/spawn-node',
    title: 'starts its own Node again, without flags',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: () =>
      `return (await mod('child_process')).spawnSync(process.execPath, ['-p', '6*7']).stdout.toString().trim() === '42'`,
  },
  {
    id: 'process/fork',
    title: 'starts a process that it can talk to by fork()',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: ({ lab }) => `const { fork } = await mod('child_process')
const child = fork(${quoted(lab.stage.moduleFile)}, [], { execArgv: [] })
return await within(new Promise((resolve) => child.on('message', () => resolve(true)).on('error', () => resolve(false))
  .on('exit', () => resolve(false))), 5000)`,
  },
  {
    id: 'process/execve',
    title: 'becomes another program by process.execve()',
    expected: stoppedFrom('permission'),
    control: 'process',
    alone: true,
    evidence: ({ path }) => existsSync(path),
    cell: ({ path }) =>
      `process.execve('/bin/sh', ['sh', '-c', ${quoted(`echo x > ${path}`)}], {}); await new Promise(() => {})`,
  },
  {
    id: 'process/detached',
    title: 'leaves a process behind that outlives the session',
    expected: stoppedFrom('permission'),
    control: 'process',
    async drive({ path }, open) {
      const session = await open()
      await session.run(
        `require('node:child_process').spawn('/bin/sh',
  ['-c', 'echo $$ > ${path}; exec sleep 60'], { detached: true, stdio: 'ignore', cwd: '/' }).unref()
while (!require('node:fs').existsSync('${path}') || !require('node:fs').readFileSync('${path}').length) ;`,
        { timeoutMs: 3000 },
      )
      await session.shutdown({ graceMs: 0 })
      const pid = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0
      if (!(pid > 0)) return false
      try {
        return process.kill(pid, 'SIGKILL')
      } catch {
        return false
      }
    },
  },
  {
    id: 'process/worker-thread',
    title: 'starts a thread',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    cell: () => `const { Worker } = await mod('worker_threads')
const thread = new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true })
return await within(new Promise((resolve) => thread.on('message', () => resolve(true)).on('error', () => resolve(false))), 5000)`,
    note: 'A thread is no way out by itself. Under the permission model it would be one without it.',
  },
  {
    id: 'process/thread-without-permissions',
    title: 'starts a thread that the permission model does not hold, and reads a file there',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: ({ lab }) => `const { Worker } = await mod('worker_threads')
const code = 'const { parentPort, workerData } = require("node:worker_threads");'
  + 'parentPort.postMessage(require("node:fs").readFileSync(workerData, "utf8"))'
const thread = new Worker(code, { eval: true, execArgv: [], workerData: ${quoted(lab.stage.secretFile)} })
return await within(new Promise((resolve) => thread.on('message', (text) => resolve(text === ${quoted(lab.stage.secret)}))
  .on('error', () => resolve(false))), 5000)`,
  },
  {
    id: 'process/signal',
    title: 'signals another process of its user, without modules',
    expected: stoppedFrom('os', { permission: 'open' }),
    control: 'process',
    cell: ({ lab }) => `return process.kill(${lab.stage.neighbour.pid}, 'SIGWINCH')`,
    note: 'At level `permission` a worker of a root host runs as `nobody`, and reaches the processes of that user only; otherwise it reaches those of the host’s user, the host itself among them.',
  },
  {
    id: 'process/priority',
    title: 'changes the priority of another process of its user',
    expected: stoppedFrom('os', { permission: 'hygiene' }),
    control: 'process',
    cell: ({ lab }) => `const os = await mod('os')
os.setPriority(${lab.stage.neighbour.pid}, 1)
return os.getPriority(${lab.stage.neighbour.pid}) === 1`,
  },
  {
    id: 'process/inspect-neighbour',
    title: 'opens the inspector of another Node program of its user by SIGUSR1, without modules',
    expected: stoppedFrom('os', { permission: 'open' }),
    control: 'process',
    cell: signalsNeighbour,
    evidence: (shot, run) => hasReturnedTrue(run) && opensNeighbour(shot),
  },
  {
    id: 'process/inspect-host',
    title: 'opens the inspector of the host by SIGUSR1, without modules',
    expected: stoppedEverywhere,
    // a Node program that has no guard
    control: async (shot) => (await controlCell(signalsNeighbour(shot))) && opensNeighbour(shot),
    cell: () => `process.kill(${process.pid}, 'SIGUSR1'); return true`,
    evidence: (_, run) => hasReturnedTrue(run) && hasHostInspector(),
  },
  {
    id: 'process/debug-host',
    title: 'opens the inspector of the host by process._debugProcess(), without modules',
    expected: stoppedEverywhere,
    control: async (shot) =>
      (await controlCell(`process._debugProcess(${shot.lab.stage.neighbour.pid}); return true`)) &&
      opensNeighbour(shot),
    cell: () => `process._debugProcess(${process.pid}); return true`,
    evidence: (_, run) => hasReturnedTrue(run) && hasHostInspector(),
  },
  {
    id: 'process/list',
    title: 'lists the processes of the machine',
    expected: stoppedFrom('permission'),
    control: 'process',
    cell: ({ lab }) => `return (await mod('fs')).readdirSync('/proc').includes('${lab.stage.neighbour.pid}')`,
  },
  {
    id: 'process/become-root',
    title: 'becomes root by process.setuid(0), without modules',
    expected: stoppedEverywhere,
    control: () => controlCell('process.setuid(process.getuid()); return true'),
    cell: () => `const before = process.getuid()
process.setuid(0)
return before !== 0 && process.getuid() === 0`,
    note: 'A worker of a root host is root from the start at levels `none` and `process`.',
  },
  {
    id: 'process/chdir',
    title: 'goes to a directory of the machine by process.chdir(), without modules',
    expected: stoppedFrom('permission'),
    control: 'process',
    alone: true,
    cell: ({ lab }) =>
      `process.chdir(${quoted(lab.stage.directory)}); return process.cwd() === ${quoted(lab.stage.directory)}`,
  },
  {
    id: 'process/inspect-itself',
    title: 'gets hold of require() by an inspector session with its own process',
    expected: stoppedFrom('permission', { 'os-alone': 'hygiene' }),
    control: 'process',
    alone: true,
    cell: () => `const { Session } = await mod('inspector')
const session = new Session()
session.connect()
const expression = 'typeof require("node:fs").readFileSync'
return await new Promise((resolve) => session.post('Runtime.evaluate', { expression, includeCommandLineAPI: true },
  (error, answer) => resolve(answer?.result.value === 'function')))`,
  },
  {
    id: 'process/open-inspector',
    title: 'opens its own inspector on a port',
    expected: stoppedFrom('permission'),
    control: 'process',
    alone: true,
    cell: () => `const inspector = await mod('inspector')
inspector.open(0, '127.0.0.1')
const { port } = new URL(inspector.url())
inspector.close()
return Number(port) > 0`,
  },
  {
    id: 'process/forge-permission',
    title: 'replaces process.permission, then reads a file',
    expected: stoppedFrom('permission'),
    control: 'process',
    alone: true,
    cell: ({ lab }) => `Object.defineProperty(process, 'permission', { value: undefined })
process.execArgv.length = 0
process.env.NODE_OPTIONS = ''
return (await mod('fs')).readFileSync(${quoted(lab.stage.secretFile)}, 'utf8') === ${quoted(lab.stage.secret)}`,
  },
]

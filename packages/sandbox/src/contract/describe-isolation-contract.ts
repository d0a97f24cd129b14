import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { IsolationDriver, PreparedLaunch, WorkerLaunchRequest } from '../isolation-driver.ts'
import { defaultConfinedHeapMb, isConfined } from '../isolation-level.ts'
import { startLaunch } from '../start-launch.ts'
import { type GuestFacts, guestProgram } from './guest.ts'

/** V8 counts its young generation in; at most so much by default. */
const youngGenerationMb = 200

export interface IsolationContractOptions {
  readonly createDriver: () => IsolationDriver
  /** @defaultValue `process.execPath` */
  readonly nodePath?: string
  /** Whether this machine can be asked about processes. @defaultValue on Linux */
  readonly hasProc?: boolean
}

/** What every driver keeps to at its level. The driver must be available where the suite runs. */
export function describeIsolationContract(name: string, options: IsolationContractOptions): void {
  const { createDriver, nodePath = process.execPath, hasProc = process.platform === 'linux' } = options
  const driver = createDriver()
  const { level } = driver
  const guest = useGuest(driver, nodePath)

  describe(`isolation contract: ${name}, level ${level}`, () => {
    it('is available, and says so again at once', async () => {
      const first = driver.probe({ nodePath })
      expect(await first).toEqual({ isAvailable: true })
      expect(await driver.probe({ nodePath })).toEqual({ isAvailable: true })
    })

    it('is not available with a Node that is none', async () => {
      // a plain process is tried by whoever starts it
      if (level === 'none' || level === 'process') return
      const answer = await driver.probe({ nodePath: '/nowhere/node' })
      expect(answer).toMatchObject({ isAvailable: false, reason: expect.any(String), nextStep: expect.any(String) })
    })

    it('passes arguments, flags and the environment given', async () => {
      const { facts } = await guest.run(['tell', 'a b', '"c"'], { env: { GIVEN: 'x y' }, nodeFlags: ['--no-warnings'] })
      expect(facts.argv).toEqual(['tell', 'a b', '"c"'])
      expect(facts.execArgv).toContain('--no-warnings')
      expect(facts.env).toMatchObject({ GIVEN: 'x y' })
    })

    it('lets ordinary code evaluate code', async () => {
      expect((await guest.run(['tell'])).facts.evaluated).toEqual({ value: 2 })
    })

    it('caps the heap as told', async () => {
      const { facts } = await guest.run(['tell'], { maxHeapMb: 40 })
      expect(facts.heapLimitMb).toBeGreaterThanOrEqual(40)
      expect(facts.heapLimitMb).toBeLessThan(40 + youngGenerationMb)
    })

    it('starts as often as one likes until it is released, which can be done twice', async () => {
      const launch = await guest.prepare(['tell'])
      expect((await guest.start(launch)).facts.argv).toEqual(['tell'])
      expect((await guest.start(launch)).facts.argv).toEqual(['tell'])
      await launch.release()
      await launch.release()
    })

    if (level !== 'none') describeOwnEverything(guest, hasProc)
    if (hasProc) describeLife(guest)
    if (isConfined(level)) describeConfinement(guest)
    if (level !== 'permission') describeNetwork(guest, level !== 'os')
  })
}

interface Guest {
  readonly prepare: (workerArgs: readonly string[], request?: Partial<WorkerLaunchRequest>) => Promise<PreparedLaunch>
  /** Starts it and reads its first line; it is killed with the test. */
  readonly start: (launch: PreparedLaunch) => Promise<{ child: ChildProcess; facts: GuestFacts }>
  readonly run: (
    workerArgs: readonly string[],
    request?: Partial<WorkerLaunchRequest>,
  ) => Promise<{ child: ChildProcess; facts: GuestFacts; launch: PreparedLaunch }>
}

function useGuest(driver: IsolationDriver, nodePath: string): Guest {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'capsule-contract-'))
    await writeFile(join(folder, 'guest.cjs'), guestProgram)
    await chmod(folder, 0o755)
  })
  afterAll(() => rm(folder, { recursive: true }))
  const prepare: Guest['prepare'] = async (workerArgs, request) => {
    const entryFiles = [join(folder, 'guest.cjs')]
    const launch = await driver.prepare({
      nodePath,
      entryFiles,
      nodeFlags: [],
      workerArgs,
      startGrants: [],
      env: {},
      ...request,
    })
    onTestFinished(() => launch.release())
    return launch
  }
  const start: Guest['start'] = async (launch) => {
    const child = startLaunch(launch)
    onTestFinished(() => end(child))
    return { child, facts: JSON.parse(await firstLine(child)) as GuestFacts }
  }
  const run: Guest['run'] = async (workerArgs, request) => {
    const launch = await prepare(workerArgs, request)
    return { launch, ...(await start(launch)) }
  }
  return { prepare, start, run }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

/** @throws with what the process wrote to stderr, when it ends without a line */
async function firstLine({ stdout, stderr }: Pick<ChildProcess, 'stdout' | 'stderr'>): Promise<string> {
  if (stdout === null || stderr === null) throw new TypeError('no pipes')
  let complaint = ''
  stderr.setEncoding('utf8').on('data', (text: string) => void (complaint += text))
  for await (const line of createInterface({ input: stdout })) return line
  throw new Error(`ended without a line: ${complaint}`)
}

function describeOwnEverything(guest: Guest, hasProc: boolean): void {
  it('gives an environment with nothing of the host in it', async () => {
    const { PWD: _setByBubblewrap, ...env } = (await guest.run(['tell'], { env: { GIVEN: '1' } })).facts.env
    // where coverage is measured Node itself hands this on
    expect(Object.keys(env).filter((name) => name !== 'NODE_V8_COVERAGE')).toEqual(['GIVEN'])
  })

  it('gives an empty directory of its own, which goes with the launch', async () => {
    const launch = await guest.prepare(['tell'])
    expect(launch.cwd).not.toBe(process.cwd())
    const { facts } = await guest.start(launch)
    expect(facts.cwdEntries).toBeOneOf([{ value: [] }, { refused: 'ERR_ACCESS_DENIED' }])
    await launch.release()
    // `/`: the directory is inside of what was started
    expect(launch.cwd === '/' || !existsSync(launch.cwd)).toBe(true)
  })

  it.runIf(hasProc)('gives descriptors 0 to 4 and none of this process', async () => {
    const { child, launch } = await guest.run(['wait'])
    const pid = launch.workerPid?.(child.pid ?? NaN)
    // a driver that does not know the pid has a runtime in between, which passes nothing on by itself
    if (pid === undefined) return
    const own = new Set(targetsOf(process.pid).values())
    const given = targetsOf(pid)
    expect([...given.keys()].filter((fd) => fd <= 4)).toHaveLength(5)
    const foreign = [...given].filter(([fd, target]) => fd > 4 && isShareable(target) && own.has(target))
    expect(foreign).toEqual([])
  })
}

/** The descriptors of a process and what they lead to. */
function targetsOf(pid: number): Map<number, string> {
  const targets = new Map<number, string>()
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      targets.set(Number(fd), readlinkSync(`/proc/${pid}/fd/${fd}`))
    } catch {
      // the one that listed them, closed again
    }
  }
  return targets
}

/** `anon_inode:[eventfd]` and the like have one name for all. */
const isShareable = (target: string): boolean => !target.startsWith('anon_inode:') && target !== '/dev/null'

/** Starts what was prepared in a host of its own, which says the pid and waits to be killed. */
const hostProgram = `
const { spawn } = require('node:child_process')
const launch = JSON.parse(process.argv[1])
const slots = launch.extraStdio.map(({ type }) => (type === 'bytes' ? 'pipe' : 'ignore'))
const child = spawn(launch.command, launch.args, { ...launch, stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe', ...slots] })
launch.extraStdio.forEach(({ bytes }, index) => bytes && child.stdio[5 + index].end(Buffer.from(bytes, 'base64')))
`

function describeLife(guest: Guest): void {
  it('ends in the middle of a loop when its host is killed', async () => {
    const { extraStdio, ...launch } = await guest.prepare(['loop'])
    const stdio = extraStdio.map((entry) =>
      entry.type === 'bytes' ? { type: 'bytes', bytes: Buffer.from(entry.bytes).toString('base64') } : entry,
    )
    const host = spawn(process.execPath, ['-e', hostProgram, JSON.stringify({ ...launch, extraStdio: stdio })], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {},
    })
    const closed = once(host, 'close')
    await firstLine(host)
    host.kill('SIGKILL')
    host.stdout.resume()
    host.stderr.resume()
    // the pipes that it shares with the guest close when both are gone
    expect(await closed).toEqual([null, 'SIGKILL'])
  })

  it('knows the pid of the worker, if it says that it does', async () => {
    const { child, launch, facts } = await guest.run(['wait'])
    const pid = launch.workerPid?.(child.pid ?? NaN)
    if (pid === undefined) return
    const { 1: inside } = /^NSpid:.*\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    expect(Number(inside)).toBe(facts.pid)
  })
}

function describeConfinement(guest: Guest): void {
  it('refuses a directory of the host', async () => {
    await expect(guest.prepare(['tell'], { cwd: '/' })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('cwd'),
    })
  })

  it.each(['LD_PRELOAD', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'OPENSSL_CONF', 'GLIBC_TUNABLES'])(
    'refuses the variable %s, which could undo it',
    async (name) => {
      const temporary = await mkdtemp(join(tmpdir(), 'capsule-contract-'))
      onTestFinished(() => rm(temporary, { recursive: true }))
      vi.stubEnv('TMPDIR', temporary)
      onTestFinished(() => void vi.unstubAllEnvs())
      await expect(guest.prepare(['tell'], { env: { [name]: 'x', NODE_ENV: 'test' } })).rejects.toMatchObject({
        code: 'INVALID_OPTIONS',
        message: expect.stringContaining(`env.${name}`),
      })
      // nobody would release what was made for it
      expect(readdirSync(temporary)).toEqual([])
    },
  )

  it('refuses files, processes, threads and databases', async () => {
    const { facts } = await guest.run(['tell'])
    expect(facts.ownFile).toEqual({ value: true })
    expect(facts).toMatchObject({
      foreignFile: { refused: 'ERR_ACCESS_DENIED' },
      written: { refused: 'ERR_ACCESS_DENIED' },
      child: { refused: expect.stringMatching(/^(ERR_ACCESS_DENIED|EPERM)$/) },
      thread: { refused: 'ERR_ACCESS_DENIED' },
      sqlite: { refused: 'ERR_UNKNOWN_BUILTIN_MODULE' },
    })
  })

  it('caps the heap unasked', async () => {
    expect((await guest.run(['tell'])).facts.heapLimitMb).toBeLessThan(defaultConfinedHeapMb + youngGenerationMb)
  })

  it.runIf(process.getuid?.() === 0)('does not run as root', async () => {
    expect((await guest.run(['tell'])).facts.uid).not.toBe(0)
  })
}

/** Under the permission model it depends on the version of Node. */
function describeNetwork(guest: Guest, isOpen: boolean): void {
  it('reaches this machine by network, or at level os does not', async () => {
    const server = createServer((socket) => socket.destroy())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    if (address === null || typeof address === 'string') throw new TypeError('no address')
    const { facts } = await guest.run(['connect', `127.0.0.1 ${address.port}`])
    // of the system, or of Node's permission model
    const refusals: object[] = [{ refused: 'EPERM' }, { refused: 'ERR_ACCESS_DENIED' }]
    expect(facts).toBeOneOf(isOpen ? [{ connected: true }] : refusals)
  })
}

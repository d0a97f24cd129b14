import { once } from 'node:events'
import { mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBwrapDriver } from '@capsule/sandbox'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startLaunch } from '../src/start-launch.ts'

const driver = createBwrapDriver()
const availability = await driver.probe({ nodePath: process.execPath })
if (!availability.isAvailable) console.error(`NOT TESTED: bwrap: ${availability.reason} (${availability.nextStep})`)

/** The pid of a process under the driver, as this process sees it, and how to end it. */
async function startInside(): Promise<{ pid: number; end: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'capsule-bwrap-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'a.cjs'), "require('node:fs').writeSync(1, 'up'); setInterval(() => {}, 1e6)")
  const launch = await driver.prepare({
    nodePath: process.execPath,
    entryFiles: [join(folder, 'a.cjs')],
    nodeFlags: [],
    workerArgs: [],
    startGrants: [],
    env: { SECRET: 'x' },
  })
  // the environment of a process can be read by its user only, its arguments by everybody
  expect(launch.args.join(' ')).not.toContain('SECRET')
  const child = startLaunch(launch)
  const closed = once(child, 'close')
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await closed
  }
  onTestFinished(end)
  if (child.stdout === null) throw new TypeError('no pipe')
  await once(child.stdout, 'data')
  const pid = launch.workerPid?.(child.pid ?? NaN)
  if (pid === undefined) throw new Error('no pid')
  return { pid, end }
}

describe.runIf(availability.isAvailable)('a process under bubblewrap', () => {
  it.each(['user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'])('has a %s namespace of its own', async (kind) => {
    const { pid } = await startInside()
    expect(await readlink(`/proc/${pid}/ns/${kind}`)).not.toBe(await readlink(`/proc/self/ns/${kind}`))
  })

  it('runs under the filter, without capabilities, as nobody', async () => {
    const { pid } = await startInside()
    const status = await readFile(`/proc/${pid}/status`, 'latin1')
    expect(status).toMatch(/^Seccomp:\t2$/m)
    expect(status).toMatch(/^NoNewPrivs:\t1$/m)
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, 'm'))
    }
    expect(status).not.toMatch(/^[UG]id:.*\t0\b/m)
  })

  it('sees nothing but Node, its libraries, the worker and an empty directory', async () => {
    const { pid } = await startInside()
    const mounts = (await readFile(`/proc/${pid}/mounts`, 'latin1')).trim().split('\n')
    const writable = mounts.map((line) => line.split(' ')).filter(([, , , flags]) => flags?.split(',').includes('rw'))
    const places = writable.map(([, place]) => place)
    expect(
      places.filter((place) => !/^\/(proc|tmp)$|^\/dev\/(pts|null|zero|full|random|urandom|tty)$/.test(place ?? '')),
    ).toEqual([])
    const all = mounts.map((line) => line.split(' ')[1] ?? '')
    expect(all.filter((place) => !/^\/(node|capsule\/a\.cjs|lib.*|usr\/lib.*|proc|tmp|dev.*)?$/.test(place))).toEqual(
      [],
    )
  })
})

it('says that bubblewrap is missing and how to get it', async () => {
  const missing = createBwrapDriver({ bwrapPath: '/nowhere/bwrap' })
  const nextStep = expect.stringMatching(/apt-get install bubblewrap|use Linux/)
  expect(await missing.probe({ nodePath: process.execPath })).toMatchObject({ isAvailable: false, nextStep })
  const launch = { entryFiles: [], nodeFlags: [], workerArgs: [], startGrants: [], env: {} }
  await expect(missing.prepare({ ...launch, nodePath: process.execPath })).rejects.toMatchObject({
    code: 'ISOLATION_UNAVAILABLE',
  })
})

it.runIf(process.platform === 'linux')('is not available when bubblewrap cannot do its work', async () => {
  const broken = createBwrapDriver({ bwrapPath: '/bin/false' })
  expect(await broken.probe({ nodePath: process.execPath })).toMatchObject({
    isAvailable: false,
    reason: '/bin/false ended with 1: no message',
    nextStep: expect.stringContaining('user namespaces'),
  })
  // starting the program is not enough
  const careless = createBwrapDriver({ bwrapPath: '/bin/echo' })
  expect(await careless.probe({ nodePath: process.execPath })).toMatchObject({ isAvailable: false })
})

import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createBwrapDriver, createPermissionDriver } from '../src/index.ts'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { readablePaths } from '../src/staged-files.ts'
import { startLaunch } from '../src/start-launch.ts'
import { isReadableByAll } from '../src/unprivileged-user.ts'

// it goes with the process, but vitest ends its own by force
const stages = new Set<string>()
afterAll(() => Promise.all([...stages].map((stage) => rm(stage, { recursive: true, force: true }))))

const nobody = { uid: 65534, gid: 65534 }

async function folderOf(mode: number, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'capsule-closed-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content)
    // whatever the umask is
    await chmod(join(folder, name), 0o644)
  }
  await chmod(folder, mode)
  return folder
}

it('gives real paths of what everybody can read', async () => {
  const folder = await folderOf(0o755, { 'a.cjs': 'a' })
  expect(await readablePaths([join(folder, 'a.cjs')], nobody)).toEqual([join(folder, 'a.cjs')])
})

it('gives real paths where the worker runs as the user of the host', async () => {
  const folder = await folderOf(0o700, { 'a.cjs': 'a' })
  expect(await readablePaths([join(folder, 'a.cjs')], undefined)).toEqual([join(folder, 'a.cjs')])
})

it('names a file that is not there', async () => {
  await expect(readablePaths(['/nowhere/main.cjs'], undefined)).rejects.toMatchObject({
    code: 'INVALID_OPTIONS',
    message: expect.stringContaining('/nowhere/main.cjs'),
  })
})

it('gives copies, in one folder, of what is closed to others, and the same ones again', async () => {
  const folder = await folderOf(0o700, { 'a.cjs': 'content of a', 'b.cjs': 'content of b' })
  await chmod(join(folder, 'b.cjs'), 0o600)
  const files = [join(folder, 'a.cjs'), join(folder, 'b.cjs')]
  const [a = '', b = ''] = await readablePaths(files, nobody)
  stages.add(dirname(dirname(a)))
  expect(dirname(a)).toBe(dirname(b))
  expect([await readFile(a, 'utf8'), await readFile(b, 'utf8')]).toEqual(['content of a', 'content of b'])
  expect(await isReadableByAll(a)).toBe(true)
  expect(await readablePaths(files, nobody)).toEqual([a, b])
  // a new version of a file is another file
  await writeFile(files[0] ?? '', 'changed, and longer')
  const [changed = ''] = await readablePaths(files, nobody)
  expect(await readFile(changed, 'utf8')).toBe('changed, and longer')
})

it.runIf(process.getuid?.() === 0).each([createPermissionDriver(), createBwrapDriver()])(
  'lets a host that is root start a worker from a closed folder ($name)',
  async (driver) => {
    const availability = await driver.probe({ nodePath: process.execPath })
    if (!availability.isAvailable) return console.error(`NOT TESTED: ${driver.name}: ${availability.reason}`)
    const folder = await folderOf(0o700, { 'a.cjs': `require('node:fs').writeSync(1, 'started')` })
    const launch = await driver.prepare({
      nodePath: process.execPath,
      entryFiles: [join(folder, 'a.cjs')],
      nodeFlags: [],
      workerArgs: [],
      startGrants: [],
      env: {},
    })
    onTestFinished(() => launch.release())
    const child = startLaunch(launch)
    if (child.stdout === null) throw new TypeError('no pipe')
    expect(await text(child.stdout)).toBe('started')
  },
)

it('looks for a place that everybody can enter when the temporary directory is none', async () => {
  const folder = await folderOf(0o700, { 'a.cjs': 'a' })
  const copy = stageInChild(join(folder, 'a.cjs'), { TMPDIR: folder })
  expect(copy).toMatch(/\/a\.cjs$/)
  expect(copy.startsWith(folder)).toBe(false)
})

it('leaves nothing behind at the end of the process', async () => {
  const folder = await folderOf(0o700, { 'a.cjs': 'a' })
  const copy = stageInChild(join(folder, 'a.cjs'))
  expect(copy).toMatch(/\/a\.cjs$/)
  expect(copy).not.toBe(join(folder, 'a.cjs'))
  await expect(stat(dirname(copy))).rejects.toMatchObject({ code: 'ENOENT' })
})

/** What a process of its own makes of the path. */
function stageInChild(path: string, env: Readonly<Record<string, string>> = {}): string {
  const program = `import { readablePaths } from ${JSON.stringify(new URL('../src/staged-files.ts', import.meta.url).href)}
console.log((await readablePaths([${JSON.stringify(path)}], ${JSON.stringify(nobody)}))[0])`
  const args = ['--conditions=@capsule/source', '--input-type=module', '-e', program]
  const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.trim()
}

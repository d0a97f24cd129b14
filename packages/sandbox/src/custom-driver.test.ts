import { expect, it } from 'vitest'
import { customDriver } from './custom-driver.ts'

const launch = {
  nodePath: '/bin/node',
  entryFiles: [import.meta.filename],
  nodeFlags: ['--flag'],
  workerArgs: ['--arg'],
  startGrants: ['worker' as const],
  env: { A: '1' },
}

it('starts what wrapCommand gives, with the permission model inside at the confined levels', async () => {
  const driver = customDriver({ name: 'box', level: 'os', wrapCommand: (argv) => ['/bin/box', 'run', ...argv] })
  expect(driver).toMatchObject({ name: 'box', level: 'os' })
  const prepared = await driver.prepare(launch)
  expect(prepared.command).toBe('/bin/box')
  expect(prepared.args.slice(0, 3)).toEqual(['run', '/bin/node', '--flag'])
  expect(prepared.args).toEqual(
    expect.arrayContaining(['--permission', `--allow-fs-read=${import.meta.filename}`, '--allow-worker']),
  )
  expect(prepared.args.slice(-2)).toEqual([import.meta.filename, '--arg'])
  expect(prepared.env).toEqual({ A: '1' })
  expect(prepared.workerPid).toBeUndefined()
  await prepared.release()
})

it('leaves the permission model out where it is told to', async () => {
  const wrapCommand = (argv: readonly string[]): readonly string[] => argv
  const driver = customDriver({ name: 'box', level: 'os', wrapCommand, usesPermissionModel: false, env: { B: '2' } })
  const prepared = await driver.prepare({ ...launch, maxHeapMb: 7 })
  expect(prepared.args).toEqual(['--flag', '--max-old-space-size=7', import.meta.filename, '--arg'])
  expect(prepared.env).toEqual({ B: '2' })
  await prepared.release()
})

it('says why it is not available', async () => {
  const driver = customDriver({ name: 'box', level: 'os', wrapCommand: () => ['/nowhere/box'] })
  expect(await driver.probe({ nodePath: process.execPath })).toEqual({
    isAvailable: false,
    reason: expect.stringContaining('/nowhere/box'),
    nextStep: expect.stringContaining("'box'"),
  })
})

it('is not available when what it starts ignores the command line', async () => {
  const driver = customDriver({ name: 'box', level: 'os', wrapCommand: () => ['/bin/echo', 'hello'] })
  expect(await driver.probe({ nodePath: process.execPath })).toMatchObject({
    isAvailable: false,
    reason: '/bin/echo ended with 0: hello',
  })
})

it.each([{}, { name: 'a', level: 'high', wrapCommand: () => [] }, { name: 'a', level: 'os', wrapCommand: 'docker' }])(
  'refuses %o',
  (options) => {
    expect(() => customDriver(options as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  },
)

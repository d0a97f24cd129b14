import { hostname, userInfo } from 'node:os'
import { callCapability, describeProviderContract } from '@capsule/provider-sdk/testing'
import { createFakeClock } from '@capsule/testing'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemErrors } from './errors.ts'
import { system } from './system.ts'

const notGranted = 'SYSTEM_ENVIRONMENT_NOT_GRANTED'

describeProviderContract({
  name: 'system, all of it',
  create: () => system({ clock: true, random: true, environment: { STAGE: 'test', EMPTY: '' }, process: true }),
  errorCodes: Object.keys(systemErrors),
  calls: {
    now: { valid: [[], [{}]] },
    random: { valid: [[16], [{ bytes: 65_536 }]] },
    env: {
      valid: [['STAGE'], [{ name: 'EMPTY' }]],
      refused: [
        { args: ['HOME'], code: notGranted },
        { args: ['stage'], code: notGranted },
        { args: ['__proto__'], code: notGranted },
      ],
    },
    process: { valid: [[]] },
  },
  // nothing that is this machine's or this user's is told
  secrets: [...new Set([hostname(), userInfo().homedir, process.cwd(), process.execPath])].filter(
    ({ length }) => length > 5,
  ),
})

describeProviderContract({
  name: 'system, values of the process',
  create: () => system({ environment: ['PATH', 'CAPSULE_NO_SUCH_VARIABLE'] }),
  errorCodes: Object.keys(systemErrors),
  calls: {
    env: { valid: [['PATH'], ['CAPSULE_NO_SUCH_VARIABLE']], refused: [{ args: ['HOME'], code: notGranted }] },
  },
})

it('has only what the options ask for', () => {
  expect(Object.keys(system({ clock: true }).capabilities)).toEqual(['now'])
  expect(Object.keys(system({ random: true, process: false }).capabilities)).toEqual(['random'])
  expect(Object.keys(system({ environment: ['A'] }).capabilities)).toEqual(['env'])
  expect(Object.keys(system({ process: true, environment: [] }).capabilities)).toEqual(['process'])
})

it.each([
  [{}, 'options: asks for nothing: set at least one of clock, random, environment and process'],
  [{ environment: {} }, 'options: asks for nothing: set at least one of clock, random, environment and process'],
  [{ random: true, clocks: true }, 'options: Unrecognized key: "clocks"'],
  [{ clock: { now: 5 } }, 'clock: must be true, false or a Clock'],
  [{ random: true, maxRandomBytes: 0 }, 'maxRandomBytes: must be a whole number from 1 to 1048576'],
  [{ random: true, maxRandomBytes: 2 ** 20 + 1 }, 'maxRandomBytes: must be a whole number from 1 to 1048576'],
  [{ environment: ['A=B'] }, 'environment.0: must be the name of an environment variable'],
  [{ environment: { A: 5 } }, 'environment: must be an array of names, or values by name'],
  [undefined, 'options: Invalid input: expected object, received undefined'],
])('refuses the options %j', (options, problem) => {
  expect(() => system(options as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTIONS', details: { where: 'system()', problems: [problem] } }),
  )
})

describe('system.now', () => {
  it('tells the time of the clock it is given', async () => {
    const clock = createFakeClock()
    clock.advance(1500)
    const { value } = await callCapability(system({ clock }), 'now')
    expect(value).toEqual({
      epochMs: Date.UTC(2030, 0, 1) + 1500,
      iso: '2030-01-01T00:00:01.500Z',
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      monotonicMs: 1500,
    })
  })

  it('tells the time of the host otherwise', async () => {
    const before = [Date.now(), performance.now()]
    const { value } = await callCapability<{ epochMs: number; monotonicMs: number }>(system({ clock: true }), 'now')
    expect(value.epochMs).toBeGreaterThanOrEqual(before[0]!)
    expect(value.monotonicMs).toBeGreaterThan(before[1]!)
    expect(value.epochMs).toBeLessThanOrEqual(Date.now())
  })
})

describe('system.random', () => {
  it('gives as many bytes as asked for, others each time', async () => {
    const provider = system({ random: true })
    const take = async (bytes: number) => (await callCapability<Uint8Array>(provider, 'random', [bytes])).value
    expect((await take(1)).length).toBe(1)
    expect((await take(65_536)).length).toBe(65_536)
    const taken = await Promise.all(Array.from({ length: 100 }, () => take(16)))
    expect(new Set(taken.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(100)
  })

  it('refuses more than `maxRandomBytes`, and what is no number of bytes', async () => {
    const provider = system({ random: true, maxRandomBytes: 32 })
    for (const bytes of [33, 0, -1, 1.5, Number.NaN, Infinity, '16', null, [16]])
      await expect(callCapability(provider, 'random', [{ bytes }])).rejects.toMatchObject({
        code: 'CAPABILITY_ARGUMENTS_INVALID',
        message: 'system.random: bytes: must be a whole number from 1 to 32 (maxRandomBytes)',
      })
    expect((await callCapability<Uint8Array>(provider, 'random', [32])).value.length).toBe(32)
  })

  it('gives the most that can be asked for', async () => {
    const provider = system({ random: true, maxRandomBytes: 2 ** 20 })
    expect((await callCapability<Uint8Array>(provider, 'random', [2 ** 20])).value.length).toBe(2 ** 20)
  })
})

describe('system.env', () => {
  const read = (provider: ReturnType<typeof system>, name: string) => callCapability(provider, 'env', [name])

  it('reads the environment of the host at the time of the call', async () => {
    const name = 'CAPSULE_SYSTEM_TEST'
    const provider = system({ environment: [name] })
    expect((await read(provider, name)).value).toEqual({ value: null })
    process.env[name] = 'set later'
    onTestFinished(() => void Reflect.deleteProperty(process.env, name))
    expect((await read(provider, name)).value).toEqual({ value: 'set later' })
  })

  it('reads what it is given instead, as it was then', async () => {
    const environment: Record<string, string> = { STAGE: 'test' }
    const provider = system({ environment })
    environment['STAGE'] = 'changed'
    environment['HOME'] = '/root'
    expect((await read(provider, 'STAGE')).value).toEqual({ value: 'test' })
    await expect(read(provider, 'HOME')).rejects.toMatchObject({ code: notGranted })
  })

  it('reads no more than the variable of that name', async () => {
    const names = ['toString', '__proto__', 'constructor', 'hasOwnProperty']
    for (const name of names) expect((await read(system({ environment: names }), name)).value).toEqual({ value: null })
  })

  it('names the list when it refuses', async () => {
    await expect(read(system({ environment: ['A', 'B'] }), 'C')).rejects.toMatchObject({
      code: notGranted,
      message: "the environment value 'C' is not granted; granted are A, B",
      details: { name: 'C', granted: ['A', 'B'] },
    })
  })

  it('gives nothing that is not on the list, whatever its name', async () => {
    const names = Object.keys(process.env).filter((name) => name !== 'PATH')
    const provider = system({ environment: ['PATH'] })
    const any = fc.oneof(
      fc.constantFrom(...names, 'path', ' PATH', 'PATH ', 'PATH\0', 'toString', '__proto__'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 256 }),
    )
    await fc.assert(
      fc.asyncProperty(
        any.filter((name) => name !== 'PATH'),
        async (name) => {
          await expect(read(provider, name)).rejects.toMatchObject({ code: notGranted })
        },
      ),
      { numRuns: 300 },
    )
  })
})

it('tells what kind of system it is, and not which', async () => {
  const { value } = await callCapability(system({ process: true }), 'process')
  expect(value).toEqual({
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    cpuCount: expect.any(Number),
    uptimeMs: expect.any(Number),
  })
})

import { expect, it, vi } from 'vitest'
import type { Availability, IsolationDriver } from './isolation-driver.ts'
import type { IsolationLevel } from './isolation-level.ts'
import { createProbe } from './probe.ts'
import { resolveIsolation } from './resolve-isolation.ts'

const nodePath = '/bin/node'
const missing = { isAvailable: false, reason: 'not here', nextStep: 'install it' } as const

function driver(
  level: IsolationLevel,
  availability: Availability = { isAvailable: true },
  name = level,
): IsolationDriver {
  return {
    name,
    level,
    probe: vi.fn<IsolationDriver['probe']>(async () => availability),
    prepare: () => Promise.reject(new Error('not asked')),
  }
}

it('gives the strongest available level for auto', async () => {
  const [none, process, permission, os] = [
    driver('none'),
    driver('process'),
    driver('permission'),
    driver('os', missing),
  ]
  const obtained = await resolveIsolation({ asked: 'auto', drivers: [none, process, os, permission], nodePath })
  expect(obtained).toEqual({ level: 'permission', driver: permission })
})

it.each(['none', 'process', 'permission', 'os'] as const)('gives %s where it is asked for', async (asked) => {
  const drivers = [driver('os'), driver('permission'), driver('process'), driver('none')]
  expect((await resolveIsolation({ asked, drivers, nodePath })).level).toBe(asked)
  // what is weaker is not even tried
  for (const { probe, level } of drivers) expect(vi.mocked(probe).mock.calls).toHaveLength(level === asked ? 1 : 0)
})

it('gives a stronger level in the place of one that is missing', async () => {
  const drivers = [driver('none'), driver('process'), driver('permission', missing), driver('os')]
  expect((await resolveIsolation({ asked: 'permission', drivers, nodePath })).level).toBe('os')
})

it('never gives a weaker one, and says what to do', async () => {
  const drivers = [driver('none'), driver('process'), driver('permission'), driver('os', missing, 'os')]
  await expect(resolveIsolation({ asked: 'os', drivers, nodePath })).rejects.toMatchObject({
    code: 'ISOLATION_UNAVAILABLE',
    message:
      "isolation level 'os' is not available here (available: none, process, permission); os: not here (install it)",
    details: { asked: 'os', available: ['none', 'process', 'permission'], refusals: [{ driver: 'os', ...reasonOf() }] },
  })
})

const reasonOf = (): object => ({ level: 'os', reason: 'not here', nextStep: 'install it' })

it('takes the first of two drivers with one level that works', async () => {
  const [first, second] = [driver('os', missing), driver('os')]
  expect((await resolveIsolation({ asked: 'os', drivers: [first, second], nodePath })).driver).toBe(second)
})

it('throws where there are no drivers', async () => {
  await expect(resolveIsolation({ asked: 'auto', drivers: [], nodePath })).rejects.toMatchObject({
    code: 'ISOLATION_UNAVAILABLE',
  })
})

it('asks the machine once for each Node, also when asked twice at the same time', async () => {
  const ask = vi.fn<(path: string) => Promise<Availability>>(async (path) =>
    path === '/a' ? { isAvailable: true } : missing,
  )
  const probe = createProbe(ask)
  expect(await Promise.all([probe({ nodePath: '/a' }), probe({ nodePath: '/a' })])).toEqual([
    { isAvailable: true },
    { isAvailable: true },
  ])
  expect(await probe({ nodePath: '/b' })).toEqual(missing)
  expect(ask).toHaveBeenCalledTimes(2)
})

it('takes a probe that fails for an answer', async () => {
  const probe = createProbe(() => Promise.reject(new Error('broken')))
  expect(await probe({ nodePath: '/a' })).toMatchObject({ isAvailable: false, reason: 'Error: broken' })
})

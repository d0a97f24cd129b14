import { afterEach, describe, expect, it, vi } from 'vitest'
import { obtainIsolation, workerEnv } from './isolation.ts'

afterEach(() => vi.unstubAllEnvs())

describe('obtainIsolation', () => {
  it('gives what was asked for, and for auto the strongest', () => {
    expect(obtainIsolation('none')).toBe('none')
    expect(obtainIsolation('process')).toBe('process')
    expect(obtainIsolation('auto')).toBe('process')
  })

  it.each(['permission', 'os'] as const)('never gives less than %s', (level) => {
    expect(() => obtainIsolation(level)).toThrow(expect.objectContaining({ code: 'ISOLATION_UNAVAILABLE' }))
  })
})

describe('workerEnv', () => {
  it('is only what was given at level process', () => {
    expect(workerEnv('process', { A: '1' })).toEqual({ A: '1' })
  })

  it('adds to the environment of the host at level none, without NODE_OPTIONS', () => {
    vi.stubEnv('NODE_OPTIONS', '--inspect')
    vi.stubEnv('FROM_HOST', 'yes')
    const env = workerEnv('none', { A: '1' })
    expect(env).toMatchObject({ A: '1', FROM_HOST: 'yes' })
    expect('NODE_OPTIONS' in env).toBe(false)
    expect(workerEnv('none', { NODE_OPTIONS: '--no-warnings' })).toMatchObject({ NODE_OPTIONS: '--no-warnings' })
  })
})

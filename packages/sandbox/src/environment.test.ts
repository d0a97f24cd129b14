import { describe, expect, it, vi } from 'vitest'
import { confinedEnv, inheritedEnv } from './environment.ts'

describe('inheritedEnv', () => {
  it('adds to the environment of the host, without NODE_OPTIONS', () => {
    vi.stubEnv('NODE_OPTIONS', '--inspect')
    vi.stubEnv('FROM_HOST', 'yes')
    const env = inheritedEnv({ A: '1' })
    expect(env).toMatchObject({ A: '1', FROM_HOST: 'yes' })
    expect('NODE_OPTIONS' in env).toBe(false)
    expect(inheritedEnv({ NODE_OPTIONS: '--no-warnings' })).toMatchObject({ NODE_OPTIONS: '--no-warnings' })
  })
})

describe('confinedEnv', () => {
  it('is only what was given', () => {
    const given = { A: '1', TZ: 'Europe/Berlin', NODE_ENV: 'test', NODE_NO_WARNINGS: '1', OLD_LD_PATH: 'x' }
    expect(confinedEnv('os', given)).toEqual(given)
  })

  it('names every variable that could undo the confinement', () => {
    const given = { LD_PRELOAD: 'a', NODE_OPTIONS: 'b', NODE_V8_COVERAGE: 'c', OPENSSL_CONF: 'd', SSL_CERT_FILE: 'e' }
    expect(() => confinedEnv('permission', given)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTIONS',
        details: {
          where: 'createSession()',
          problems: Object.keys(given).map((name) => expect.stringContaining(`env.${name}`)),
        },
      }),
    )
  })
})

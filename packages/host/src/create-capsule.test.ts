import { existsSync } from 'node:fs'
import { type Container, createCountingIds } from '@capsule/core'
import { createPlainDriver } from '@capsule/sandbox'
import { createScriptedWorker } from '@capsule/session/testing'
import { createRecordingLogger, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import type { Capsule, CapsuleOptions } from './capsule.ts'
import { createCapsule } from './create-capsule.ts'
import { tokens, type WorkerLaunch } from './tokens.ts'

/** A capsule whose workers are scripted: no process is started. */
async function scriptedCapsule(
  options: CapsuleOptions = {},
  isSilent = false,
): Promise<{ capsule: Capsule; launches: WorkerLaunch[] }> {
  const launches: WorkerLaunch[] = []
  const worker = createScriptedWorker({ isManual: isSilent })
  const capsule = await createCapsule({
    isolation: 'process',
    ...options,
    parts: (container) =>
      container.provide(tokens.connectWorker, () => (launch) => {
        launches.push(launch)
        return worker.connect
      }),
  })
  return { capsule, launches }
}

describe('createCapsule', () => {
  it('refuses misspelled options', async () => {
    await expect(createCapsule({ isolate: true } as object)).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('isolate'),
    })
  })

  it('refuses a level that is not available, and never gives less', async () => {
    const parts = (container: Container): unknown =>
      container.provide(tokens.drivers, () => [createPlainDriver('none'), createPlainDriver('process')])
    await expect(createCapsule({ isolation: 'permission', parts })).rejects.toMatchObject({
      code: 'ISOLATION_UNAVAILABLE',
    })
    const capsule = await createCapsule({ isolation: 'auto', parts })
    expect(capsule.info().isolation).toBe('process')
    await capsule.shutdown()
  })

  it('lets every part be replaced in one line', async () => {
    const worker = createScriptedWorker()
    const logger = createRecordingLogger()
    const capsule = await createCapsule({
      isolation: 'process',
      parts: (container) =>
        container
          .provide(tokens.ids, () => createCountingIds())
          .provide(tokens.logger, () => logger)
          .provide(tokens.connectWorker, () => () => worker.connect),
    })
    const session = await capsule.createSession()
    expect(session.sessionId).toBe('session-1')
    await capsule.shutdown()
  })

  it('keeps SIGUSR1 from opening the inspector while it lives', async () => {
    const before = process.listenerCount('SIGUSR1')
    const first = await scriptedCapsule()
    const second = await scriptedCapsule()
    expect(process.listenerCount('SIGUSR1')).toBe(before + 1)
    await first.capsule.shutdown()
    expect(process.listenerCount('SIGUSR1')).toBe(before + 1)
    await second.capsule.shutdown()
    expect(process.listenerCount('SIGUSR1')).toBe(before)
  })
})

describe('createSession', () => {
  it('gives a worker an empty environment and an empty directory of its own', async () => {
    const { capsule, launches } = await scriptedCapsule()
    const session = await capsule.createSession()
    const cwd = launches[0]?.cwd ?? ''
    expect(launches).toMatchObject([{ env: {} }])
    expect(cwd).not.toBe(process.cwd())
    expect(existsSync(cwd)).toBe(true)
    expect(session.info().isolation).toBe('process')
    await session.shutdown()
    expect(existsSync(cwd)).toBe(false)
    expect(capsule.sessions).toEqual([])
    await capsule.shutdown()
  })

  it('gives a worker the directory and environment of the host at level none', async () => {
    const { capsule, launches } = await scriptedCapsule({ isolation: 'none' })
    await capsule.createSession({ env: { EXTRA: '1' } })
    expect(launches).toMatchObject([{ cwd: process.cwd(), env: { EXTRA: '1', PATH: process.env['PATH'] } }])
    await capsule.shutdown()
  })

  it('takes the defaults of the capsule and the options of the session over them', async () => {
    const { capsule, launches } = await scriptedCapsule({ session: { env: { A: '1' }, maxHeapMb: 64 } })
    await capsule.createSession({ executor: 'async', cwd: '/' })
    expect(launches).toMatchObject([{ cwd: '/', env: { A: '1' } }])
    expect(launches[0]?.args).toEqual(expect.arrayContaining(['--max-old-space-size=64', '--executor=async']))
    await capsule.shutdown()
  })

  it('refuses misspelled options and leaves nothing behind', async () => {
    const { capsule, launches } = await scriptedCapsule()
    await expect(capsule.createSession({ maxHeapMB: 5 } as object)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await expect(capsule.createSession({ maxHeapMb: -5 })).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    expect(launches.filter(({ cwd }) => existsSync(cwd))).toEqual([])
    await capsule.shutdown()
  })
})

describe('shutdown', () => {
  it('ends every session and refuses new ones', async () => {
    const { capsule } = await scriptedCapsule()
    const session = await capsule.createSession()
    expect(capsule.sessions).toEqual([session])
    expect(capsule.info().sessions).toMatchObject([{ sessionId: session.sessionId, state: 'ready' }])
    await Promise.all([capsule.shutdown(), capsule[Symbol.asyncDispose]()])
    expect(session.info().state).toBe('closed')
    await expect(capsule.createSession()).rejects.toMatchObject({ code: 'CAPSULE_CLOSED' })
  })

  it('gives up on a session that is still starting', async () => {
    const { capsule } = await scriptedCapsule({}, true)
    const creating = capsule.createSession()
    creating.catch(() => {})
    await waitFor(capsule.shutdown())
    await expect(creating).rejects.toMatchObject({ code: 'CAPSULE_CLOSED' })
  })
})

describe('pools', () => {
  it('are told of the end before the sessions that start for them', async () => {
    const { capsule } = await scriptedCapsule({ pool: { minIdle: 1 } }, true)
    const { pool } = capsule
    const waiting = pool.acquire().catch((error: unknown) => error)
    await capsule.shutdown()
    expect(await waitFor(waiting)).toMatchObject({ code: 'POOL_CLOSED' })
    const { attempts, failed, aborted } = pool.info().starts
    expect({ failed, aborted }).toEqual({ failed: 0, aborted: attempts })
  })

  it.each([{ session: { timeoutMs: 1234 } }, { warmup: { code: 'const tool = 1' } }])(
    'give no session to createSession() that is unlike the others: %j',
    async (options) => {
      const worker = createScriptedWorker({
        script: (message, process) => message.type === 'execute' && process.result(message.executionId),
      })
      const capsule = await createCapsule({
        isolation: 'process',
        pool: { minIdle: 1, ...options },
        parts: (container) => container.provide(tokens.connectWorker, () => () => worker.connect),
      })
      await waitFor(capsule.pool.warmUp())
      await capsule.createSession()
      expect(capsule.pool.info()).toMatchObject({ sessions: { idle: 1 }, leases: { detached: 0 } })
      await capsule.shutdown()
    },
  )

  it('give a session to nobody else whose grants somebody may still hold', async () => {
    const { capsule } = await scriptedCapsule({ pool: { minIdle: 1, reset: 'namespace' } })
    const lease = await waitFor(capsule.pool.acquire())
    const grants = capsule.capabilitiesOf(lease.session)
    await lease.release()
    grants.revoke('files.read')
    expect(capsule.pool.info().recycles.byReason['not-reusable']).toBe(1)
    await capsule.shutdown()
  })
})

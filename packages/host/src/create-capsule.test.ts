import { existsSync } from 'node:fs'
import { createMemoryStore } from '@capsule/bridge'
import { type CapabilityProvider, type Container, createCountingIds } from '@capsule/core'
import { defineProvider } from '@capsule/provider-sdk'
import { createPlainDriver } from '@capsule/sandbox'
import { createScriptedWorker } from '@capsule/session/testing'
import { createRecordingLogger, waitFor } from '@capsule/testing'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { Capsule, CapsuleOptions } from './capsule.ts'
import { createCapsule } from './create-capsule.ts'
import { tokens, type WorkerLaunch } from './tokens.ts'

/** A capsule whose workers are scripted: no process is started. */
async function scriptedCapsule(
  options: CapsuleOptions = {},
  isSilent = false,
): Promise<{ capsule: Capsule; launches: WorkerLaunch[] }> {
  const launches: WorkerLaunch[] = []
  const worker = createScriptedWorker({
    isManual: isSilent,
    script: (message, process) => message.type === 'execute' && !isSilent && process.result(message.executionId),
  })
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

describe('capsule.durable', () => {
  it('runs a cell in a session of its own that knows what it is, and ends it', async () => {
    const { capsule, launches } = await durableCapsule()
    const running = await capsule.durable.execute({ id: 'job', code: 'text', session: { env: { OWN: '1' } } })
    expect(running).toMatchObject({ id: 'job', outcome: { text: 'text' }, attempt: 1, replayed: false })
    expect(launches[0]?.env).toMatchObject({ OWN: '1', CAPSULE_DURABLE_ID: 'job', CAPSULE_DURABLE_ATTEMPT: '1' })
    expect(await capsule.durable.execute({ id: 'job', code: 'text' })).toEqual({ ...running, replayed: true })
    expect(launches).toHaveLength(1)
    await capsule.shutdown()
    expect(capsule.sessions).toEqual([])
  })

  it('shows the figures of its bridge in the sessions that belong to it, and in no other', async () => {
    let shown: unknown
    const { capsule } = await durableCapsule()
    const session = await capsule.createSession()
    expect(session.info().bridge).toBeUndefined()
    const onEvent = (): void => void (shown = capsule.sessions.at(-1)?.info().bridge)
    await capsule.durable.execute({ id: 'job', code: 'text', onEvent })
    expect(shown).toMatchObject({ state: 'open', pending: 1, pendingHighWater: 1, counters: { created: 1, sent: 1 } })
    expect(capsule.durable.info()).toMatchObject({ store: 'embedded', namespace: 'capsule', pending: 0 })
    await capsule.shutdown()
  })

  it('takes a store and a namespace, refuses wrong options at once, and is over with the capsule', async () => {
    const store = createMemoryStore()
    const { capsule } = await durableCapsule({ durable: { store, namespace: 'mine' } })
    await capsule.durable.execute({ id: 'job', code: 'text' })
    expect(await store.get('mine-exec-job')).toMatchObject({ state: 'resolved' })
    await capsule.shutdown()
    expect(() => capsule.durable).toThrow(expect.objectContaining({ code: 'CAPSULE_CLOSED' }))
    // it is not the capsule's to close
    expect(await store.get('mine-exec-job')).toBeDefined()
    await expect(createCapsule({ durable: { spacename: 'mine' } as object })).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
    })
  })

  it('gives its providers to one attempt after the other, and disposes them with the call', async () => {
    let disposals = 0
    const provider = readingProvider('own', async () => void disposals++)
    const { capsule, launches } = await durableCapsule({}, (launch) => launch === 1)
    const { attempt } = await capsule.durable.execute({
      id: 'job',
      code: 'text',
      session: { capabilities: [provider] },
    })
    expect({ attempt, launches: launches.length }).toEqual({ attempt: 2, launches: 2 })
    await capsule.shutdown()
    expect(disposals).toBe(1)
  })

  it('keeps the providers of the first call for those who go on waiting when it gives up', async () => {
    const disposed: string[] = []
    const provider = (name: string): CapabilityProvider => readingProvider(name, async () => void disposed.push(name))
    const memory = createMemoryStore()
    const store = { ...memory, capabilities: { ...memory.capabilities, shared: true } }
    // as of another host, which has it for so long
    const param = JSON.stringify({ owner: 'another', leaseMs: 300 })
    await store.create({ id: 'capsule-exec-job:attempt.1', timeoutAtMs: Date.now() + 60_000, param })
    const { capsule } = await durableCapsule({ durable: { store } })
    const stop = new AbortController()
    const job = { id: 'job', code: 'text' }
    const first = { ...job, signal: stop.signal, session: { capabilities: [provider('one')] } }
    const given = capsule.durable.execute(first).catch((error: unknown) => error)
    const second = capsule.durable.execute({ ...job, session: { capabilities: [provider('two')] } })
    stop.abort()
    expect(await given).toMatchObject({ code: 'CANCELLED' })
    expect(disposed).toEqual([])
    expect(await waitFor(second)).toMatchObject({ outcome: { text: 'text' }, attempt: 2 })
    await capsule.shutdown()
    expect(disposed.toSorted()).toEqual(['one', 'two'])
  })

  it('tells the outcome although a provider fails to end', async () => {
    const provider = readingProvider('own', () => Promise.reject(new Error('stuck')))
    const { capsule } = await durableCapsule()
    // answered from the record: no session has used it
    await capsule.durable.execute({ id: 'job', code: 'text' })
    const again = capsule.durable.execute({ id: 'job', code: 'text', session: { capabilities: [provider] } })
    expect(await again).toMatchObject({ outcome: { text: 'text' }, replayed: true })
    await capsule.shutdown()
  })

  it('refuses wrong options of the session before anything is recorded', async () => {
    const store = createMemoryStore()
    const { capsule } = await durableCapsule({ durable: { store } })
    const invalid = { code: 'INVALID_OPTIONS' }
    for (const session of [{ capabilities: 'all' }, { env: { A: 1 } }, 'none']) {
      const options = { id: 'job', code: 'text', session } as never
      await expect(capsule.durable.execute(options)).rejects.toMatchObject(invalid)
    }
    await expect(capsule.durable.execute(undefined as never)).rejects.toMatchObject(invalid)
    expect(await store.get('capsule-exec-job')).toBeUndefined()
    await capsule.shutdown()
  })

  it('leaves what runs to a later host when the capsule shuts down', async () => {
    const store = createMemoryStore()
    const { capsule: first } = await durableCapsule({ durable: { store } }, undefined, true)
    const running = first.durable.execute({ id: 'job', code: 'text' })
    const refused = running.catch((error: unknown) => error)
    while (first.sessions[0]?.info().state !== 'busy') await new Promise((resolve) => setImmediate(resolve))
    await waitFor(first.shutdown({ graceMs: 0 }))
    expect(await refused).toMatchObject({ code: 'BRIDGE_CLOSED' })
    const { capsule: second } = await durableCapsule({ durable: { store } })
    expect(await second.durable.execute({ id: 'job', code: 'text' })).toMatchObject({ attempt: 2, replayed: false })
    await second.shutdown()
  })
})

function readingProvider(name: string, dispose: () => Promise<void>): CapabilityProvider {
  const read = { summary: 'Reads.', input: z.strictObject({}), output: z.null(), handler: () => null }
  const provider = defineProvider({ name, specificationVersion: 'v1', capabilities: { read } })
  return { ...provider, [Symbol.asyncDispose]: dispose }
}

/** Its cells print something and give their code as text, unless the worker is to die or cells have no end. */
async function durableCapsule(
  options: CapsuleOptions = {},
  isDoomed = (_launch: number): boolean => false,
  isEndless = false,
): Promise<{ capsule: Capsule; launches: WorkerLaunch[] }> {
  const launches: WorkerLaunch[] = []
  const capsule = await createCapsule({
    isolation: 'process',
    ...options,
    parts: (container) =>
      container.provide(tokens.connectWorker, () => (launch) => {
        const number = launches.push(launch)
        return createScriptedWorker({
          script(message, process) {
            if (message.type === 'cancel') return process.error(message.executionId, { status: 'cancelled', rung: 1 })
            if (message.type !== 'execute') return
            process.ack(message.executionId)
            if (isEndless) return
            if (isDoomed(number)) return process.exit({ signal: 'SIGKILL' })
            process.output(message.executionId, 'in')
            process.result(message.executionId, { text: message.code })
          },
        }).connect
      }),
  })
  return { capsule, launches }
}

import type { ResetAnswer } from '@capsule/protocol'
import type { ScriptedWorkerOptions } from '@capsule/session/testing'
import { waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { echo, openSession, started } from './open-session.ts'

/** A worker that answers cells with their code, and a reset as given. */
const answering = (answer: ResetAnswer): ScriptedWorkerOptions => ({
  script(message, process) {
    echo.script?.(message, process)
    if (message.type === 'reset') process.send({ type: 'reset-result', requestId: message.requestId, answer })
  },
})
const clean = answering({ kind: 'reset', left: [] })

it('is asked of the worker once nothing runs, and warms up again', async () => {
  const open = await openSession({ warmup: ['warm'], cooperativeMs: 40 }, clean)
  await open.session.run('1')
  await waitFor(open.session.reset())
  const sent = open.worker.process.received.filter(({ type }) => type === 'execute' || type === 'reset')
  expect(sent).toMatchObject([
    { code: 'warm', storeHistory: false, warmup: true },
    { code: '1' },
    { type: 'reset', cooperativeMs: 40 },
    { code: 'warm', storeHistory: false, warmup: true },
  ])
  expect(open.session.info()).toMatchObject({ generation: 1, warmup: [{ status: 'ok' }], counters: { restarts: 0 } })
  expect(open.session.history()).toEqual([])
})

it('waits for the cell that it cancels, whose state is lost', async () => {
  const script: ScriptedWorkerOptions['script'] = (message, process) =>
    message.type === 'reset' && clean.script?.(message, process)
  const own = await openSession({}, { script })
  const running = await started(own)
  const waiting = own.session.execute('waits', { queue: true })
  const resetting = own.session.reset()
  await waitFor(own.worker.process.next('cancel'))
  expect(own.worker.process.received.some(({ type }) => type === 'reset')).toBe(false)
  own.worker.process.error(running.id, { status: 'cancelled', rung: 1 })
  await waitFor(resetting)
  expect(await running.execution.outcome).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 1 })
  expect(await waiting.outcome).toMatchObject({ status: 'cancelled', state: 'lost', error: { code: 'DROPPED' } })
})

it('rejects with what is left, and the session is of use', async () => {
  const { session, worker } = await openSession({ warmup: ['warm'] }, answering({ kind: 'reset', left: ['process.x'] }))
  await expect(waitFor(session.reset())).rejects.toMatchObject({
    code: 'RESET_INCOMPLETE',
    details: { left: ['process.x'] },
  })
  expect(worker.process.received.filter(({ type }) => type === 'execute')).toHaveLength(1)
  expect((await session.run('on')).outcome.text).toBe('on')
  expect(session.info().generation).toBe(1)
})

it('rejects on a tainted worker', async () => {
  const script: ScriptedWorkerOptions['script'] = (message, process) => {
    if (message.type === 'execute') process.ack(message.executionId)
    if (message.type === 'execute') process.error(message.executionId, { status: 'cancelled', rung: 2, tainted: true })
    else clean.script?.(message, process)
  }
  const { session } = await openSession({}, { script })
  await session.run('1')
  await expect(waitFor(session.reset())).rejects.toMatchObject({ code: 'RESET_INCOMPLETE' })
})

it('replaces a worker that fails or does not answer in time', async () => {
  const failing = await openSession({}, answering({ kind: 'failed', error: { name: 'Error', message: 'no' } }))
  await expect(waitFor(failing.session.reset())).rejects.toMatchObject({ code: 'RESET_FAILED' })
  expect(failing.session.info()).toMatchObject({ state: 'ready', generation: 2 })
  const silent = await openSession({ graceMs: 50 }, echo)
  const resetting = silent.session.reset()
  resetting.catch(() => {})
  await waitFor(silent.worker.process.next('reset'))
  silent.clock.advance(50)
  await expect(waitFor(resetting)).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
  expect(silent.session.info()).toMatchObject({ state: 'ready', generation: 2 })
  expect((await silent.session.run('on')).outcome).toMatchObject({ status: 'ok', text: 'on' })
})

it('is done by the worker that replaces one whose cell does not stop', async () => {
  const open = await openSession({ graceMs: 50 }, {})
  const { execution } = await started(open)
  const resetting = open.session.reset()
  await waitFor(open.worker.process.next('cancel'))
  open.clock.advance(50)
  expect(await waitFor(execution.outcome)).toMatchObject({ status: 'cancelled', state: 'lost', cancelRung: 3 })
  await waitFor(resetting)
  expect(open.session.info()).toMatchObject({ state: 'ready', generation: 2 })
})

it('tells of a worker that dies, once', async () => {
  const { session } = await openSession(
    {},
    {
      script: (message, process) => {
        echo.script?.(message, process)
        if (message.type === 'reset') process.exit({ code: 3 })
      },
    },
  )
  await expect(waitFor(session.reset())).rejects.toMatchObject({ code: 'WORKER_EXITED' })
  expect((await waitFor(session.run('on'))).outcome).toMatchObject({ status: 'ok', text: 'on' })
})

it('replaces a worker whose warm-up fails behind it', async () => {
  let count = 0
  const { session } = await openSession(
    { warmup: ['warm'] },
    {
      script(message, process) {
        if (message.type === 'execute' && ++count === 2) process.error(message.executionId)
        else clean.script?.(message, process)
      },
    },
  )
  await expect(waitFor(session.reset())).rejects.toMatchObject({ code: 'WARMUP_FAILED' })
  expect(session.info()).toMatchObject({ state: 'ready', generation: 2 })
})

it('drops what earlier cells say late', async () => {
  const { session, worker } = await openSession({}, clean)
  const late: unknown[] = []
  session.events.on('late', (event) => late.push(event))
  const {
    outcome: { executionId },
  } = await session.run('1')
  await waitFor(session.reset())
  worker.process.output(executionId, 'secret', { late: true })
  await session.run('2')
  expect(late).toEqual([])
  expect(session.info().counters.invalidMessages).toBe(0)
})

it('is refused by an older worker, which is not touched', async () => {
  const open = await openSession({}, { ready: { features: ['checkpoint', 'streams'] } })
  const { execution, id } = await started(open)
  await expect(waitFor(open.session.reset())).rejects.toMatchObject({
    code: 'FEATURE_UNAVAILABLE',
    details: { feature: 'reset' },
  })
  open.worker.process.result(id)
  expect(await execution.outcome).toMatchObject({ status: 'ok', state: 'kept' })
})

it('ends with its session and its signal', async () => {
  const { session, worker } = await openSession({}, echo)
  const controller = new AbortController()
  const aborted = session.reset({ signal: controller.signal })
  await waitFor(worker.process.next('reset'))
  controller.abort()
  await expect(waitFor(aborted)).rejects.toMatchObject({ code: 'CANCELLED' })
  await expect(session.reset({ signal: controller.signal })).rejects.toMatchObject({ code: 'CANCELLED' })
  const closed = session.reset()
  closed.catch(() => {})
  await session.shutdown({ graceMs: 0 })
  await expect(waitFor(closed)).rejects.toMatchObject({ code: 'SESSION_CLOSED' })
})

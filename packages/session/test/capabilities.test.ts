import { coreErrors } from '@capsule/core'
import { type CapabilityManifest, decodeValue, defaultLimits, encodeValue, streamLimits } from '@capsule/protocol'
import type { CapabilityAnswer, CapabilityCall, CapabilityCallPorts, CapabilityGrants } from '@capsule/session'
import type { ScriptedProcess } from '@capsule/session/testing'
import { createRecorder, waitFor } from '@capsule/testing'
import { expect, it } from 'vitest'
import { eventsOf, openSession, settleWire, started } from './open-session.ts'

const manifest: CapabilityManifest = { capabilities: [{ name: 'a.b', returns: 'value' }], names: [], input: true }
const bytesOf = (value: unknown): Uint8Array =>
  new Uint8Array(encodeValue(value, { bytes: 1000, depth: 10 })?.bytes ?? [])
const args = bytesOf(['x'])

interface ServedCall extends CapabilityCall, CapabilityCallPorts {
  readonly answer: (answer: CapabilityAnswer) => void
}

function createCalls() {
  const recorder = createRecorder<ServedCall>()
  let count = 0
  const next = async (): Promise<ServedCall> => {
    const at = count++
    const values = await recorder.waitForCount(at + 1)
    return values[at] as ServedCall
  }
  return { ...recorder, next }
}

/** Grants whose calls a test answers by hand. */
function createGrants() {
  const calls = createCalls()
  const ended: string[] = []
  let listener: ((changed: CapabilityManifest) => void) | undefined
  const state = { asked: undefined as ReturnType<CapabilityGrants['askedInput']> }
  const grants: CapabilityGrants = {
    manifest,
    onManifest(given) {
      listener = given
      return () => (listener = undefined)
    },
    call: (call, ports) => new Promise((resolve) => calls.record({ ...call, ...ports, answer: resolve })),
    askedInput: () => state.asked,
    executionEnded: (executionId) => void ended.push(executionId),
  }
  return {
    grants,
    calls,
    ended,
    state,
    change: (changed: CapabilityManifest) => listener?.(changed),
    hasListener: () => listener !== undefined,
  }
}

async function open() {
  const served = createGrants()
  const opened = await openSession({ grants: served.grants })
  return { ...served, ...opened, opened }
}

const request = (executionId: string, callId = 'call-1', more: object = {}) =>
  ({ type: 'capability-request', executionId, callId, capability: 'a.b', args, ...more }) as const

const approval = {
  approvalId: 'approval-1',
  callId: 'call-1',
  capability: 'a.b',
  effect: 'write',
  summary: 'does b',
  rule: 'ask',
  remember: 'session',
} as const

it('tells each worker what is granted, and each change', async () => {
  const { session, worker, change, hasListener } = await open()
  expect(await waitFor(worker.process.next('capabilities'))).toMatchObject({ manifest })
  const narrowed = { ...manifest, capabilities: [] }
  change(narrowed)
  expect(await waitFor(worker.process.next('capabilities'))).toMatchObject({ manifest: narrowed })
  await waitFor(session.restart())
  expect(await waitFor(worker.process.next('capabilities'))).toMatchObject({ manifest })
  await session.shutdown({ graceMs: 0 })
  expect(hasListener()).toBe(false)
})

it('brings a call to the grants and its answer back', async () => {
  const { opened, worker, calls } = await open()
  const { execution, id } = await started(opened, { transaction: 'rollback-always' })
  worker.process.send(request(id, 'call-1', { idempotencyKey: 'k', timeoutMs: 5 }))
  const call = await calls.next()
  expect(call).toMatchObject({
    executionId: id,
    callId: 'call-1',
    capability: 'a.b',
    idempotencyKey: 'k',
    timeoutMs: 5,
  })
  expect(decodeValue(call.args)).toEqual(['x'])
  call.answer({ kind: 'value', value: bytesOf(5) })
  expect(await waitFor(worker.process.next('capability-response'))).toMatchObject({
    executionId: id,
    callId: 'call-1',
    answer: { kind: 'value', value: bytesOf(5) },
  })
  worker.process.send(request(id, 'call-2'))
  const error = { name: 'CapsuleError', message: 'no', code: 'CAPABILITY_DENIED' }
  ;(await calls.next()).answer({ kind: 'error', error })
  expect(await waitFor(worker.process.next('capability-response'))).toMatchObject({ answer: { kind: 'error', error } })
  worker.process.send(request(id, 'call-3'))
  await calls.next()
  worker.process.result(id, { transaction: { action: 'rolled-back', report: [] } })
  const { transaction } = await waitFor(execution.outcome)
  expect(transaction?.effects).toEqual([
    { type: 'capability', callId: 'call-1', capability: 'a.b', outcome: 'ok' },
    { type: 'capability', callId: 'call-2', capability: 'a.b', outcome: 'error' },
    { type: 'capability', callId: 'call-3', capability: 'a.b', outcome: 'pending' },
  ])
})

it('takes no call for what does not run, under a known id, or without grants', async () => {
  const { opened, session, worker, calls } = await open()
  const { id } = await started(opened)
  worker.process.send(request('nobody'))
  worker.process.send(request(id))
  worker.process.send(request(id))
  await settleWire(opened)
  expect(calls.values).toHaveLength(1)
  expect(session.info().counters.invalidMessages).toBe(2)
  const without = await openSession()
  const running = await started(without)
  without.worker.process.send(request(running.id))
  await settleWire(without)
  expect(without.session.info().counters.invalidMessages).toBe(1)
})

it('aborts calls with their cell, their execution, or their worker', async () => {
  const { opened, worker, calls, ended } = await open()
  const { execution, id } = await started(opened)
  worker.process.send(request(id))
  worker.process.send(request(id, 'call-2'))
  const [first, second] = [await calls.next(), await calls.next()]
  worker.process.send({ type: 'capability-cancel', executionId: id, callId: 'call-1' })
  await settleWire(opened)
  expect([first.signal.aborted, second.signal.aborted]).toEqual([true, false])
  const cancelled = execution.cancel()
  expect(second.signal.aborted).toBe(true)
  worker.process.send(request(id, 'call-3'))
  expect((await calls.next()).signal.aborted).toBe(true)
  worker.process.error(id, { status: 'cancelled', rung: 1 })
  await waitFor(cancelled)
  expect(ended).toEqual([id])
  const crashing = await started(opened)
  worker.process.send(request(crashing.id, 'call-4'))
  const last = await calls.next()
  worker.process.exit({ code: 1 })
  await waitFor(crashing.execution.outcome)
  expect(last.signal.aborted).toBe(true)
})

it('asks a person, once', async () => {
  const { opened, worker, calls } = await open()
  const { execution, id } = await started(opened)
  const events = eventsOf(execution)
  worker.process.send(request(id))
  const call = await calls.next()
  const decision = call.approve(approval, new AbortController().signal)
  await execution.approve('approval-1', { remember: 'session' })
  expect(await waitFor(decision)).toEqual({ decision: 'approve', remember: 'session' })
  await expect(execution.deny('approval-1')).rejects.toMatchObject({ code: 'APPROVAL_NOT_PENDING' })
  const timeout = new AbortController()
  const late = call.approve({ ...approval, approvalId: 'approval-2' }, timeout.signal)
  timeout.abort()
  await expect(waitFor(late)).rejects.toMatchObject({ code: 'CANCELLED' })
  await expect(execution.approve('approval-2')).rejects.toMatchObject({ code: 'APPROVAL_NOT_PENDING' })
  worker.process.result(id)
  expect(await waitFor(events)).toMatchObject([
    { type: 'approval-request', executionId: id, ...approval },
    { type: 'approval-request', approvalId: 'approval-2' },
  ])
})

it('streams bodies both ways, and stops where nobody reads', async () => {
  const { opened, worker, calls } = await open()
  const { id } = await started(opened)
  const { process } = worker
  process.send({
    type: 'stream-open',
    streamId: 'w1',
    name: 'capsule-call:call-1',
    windowBytes: streamLimits.windowBytes,
  })
  process.send(request(id, 'call-1', { body: true }))
  const call = await calls.next()
  const received: unknown[] = []
  const reading = (async () => {
    for await (const chunk of call.body ?? []) received.push(chunk)
  })()
  expect(await waitFor(process.next('stream-credit'))).toMatchObject({ streamId: 'w1' })
  process.send({ type: 'stream-data', streamId: 'w1', kind: 'bytes', data: new Uint8Array([1, 2]) })
  process.send({ type: 'stream-close', streamId: 'w1', side: 'write' })
  await waitFor(reading)
  expect(received).toEqual([new Uint8Array([1, 2])])
  let isLeft = false
  const body = (async function* () {
    try {
      yield new Uint8Array([7])
      // an idle source: only the signal tells it
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve))
    } finally {
      isLeft = true
    }
  })()
  call.answer({ kind: 'value', value: bytesOf(1), body })
  expect(await waitFor(process.next('capability-response'))).toMatchObject({ answer: { kind: 'value', body: true } })
  expect(await waitFor(process.next('stream-data'))).toMatchObject({ streamId: 'w1', data: new Uint8Array([7]) })
  process.send({ type: 'stream-close', streamId: 'w1', side: 'read' })
  expect(await waitFor(process.next('stream-close'))).toMatchObject({ streamId: 'w1' })
  await settleWire(opened)
  expect([call.signal.aborted, isLeft]).toEqual([true, true])
})

it('refuses questions that the grants refuse', async () => {
  const { opened, worker, state } = await open()
  const { execution, id } = await started(opened)
  const events = eventsOf(execution)
  state.asked = Object.assign(new Error('not granted'), { name: 'CapsuleError', code: 'CAPABILITY_DENIED' }) as never
  worker.process.send({ type: 'input-request', executionId: id, inputId: 'i-1', prompt: '' })
  expect(await waitFor(worker.process.next('input-response'))).toMatchObject({
    answer: { kind: 'refused', error: { code: 'CAPABILITY_DENIED' } },
  })
  worker.process.result(id)
  expect(await waitFor(events)).toEqual([])
})

async function* oneChunk(length = 1): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(length)
}

it('decides nothing for an execution that waits, and leaves its later calls alone', async () => {
  const { opened, session, worker, calls } = await open()
  const { id: first } = await started(opened)
  const waiting = session.execute('cell', { queue: true })
  await expect(waiting.approve('approval-1')).rejects.toMatchObject({ code: 'APPROVAL_NOT_PENDING' })
  worker.process.result(first)
  const { executionId } = await waitFor(worker.process.next('execute'))
  worker.process.send(request(executionId))
  expect((await calls.next()).signal.aborted).toBe(false)
})

it('keeps the calls of one worker from those of the next', async () => {
  const { opened, session, worker, calls } = await open()
  const dying = await started(opened)
  worker.process.send(request(dying.id))
  const old = await calls.next()
  await waitFor(session.restart())
  const { id } = await started(opened)
  worker.process.send(request(id))
  const present = await calls.next()
  // whoever answers obeys no signal
  old.answer({ kind: 'value', value: bytesOf('old'), body: oneChunk() })
  present.answer({ kind: 'value', value: bytesOf('new') })
  expect(await waitFor(worker.process.next('capability-response'))).toMatchObject({
    executionId: id,
    answer: { value: bytesOf('new') },
  })
  await settleWire(opened)
  expect(worker.process.received.filter(({ type }) => type === 'stream-open')).toEqual([])
  expect(session.info().counters.invalidMessages).toBe(0)
})

it('answers a call whose channel cannot be had, and one that the grants fail', async () => {
  const { grants } = createGrants()
  const failing: CapabilityGrants = { ...grants, call: () => Promise.reject(new Error('inside')) }
  const opened = await openSession({ grants: failing }, { ready: { features: ['capabilities'] } })
  const { id } = await started(opened)
  const codeOf = async (callId: string, more = {}): Promise<unknown> => {
    opened.worker.process.send(request(id, callId, more))
    const { answer } = await waitFor(opened.worker.process.next('capability-response'))
    return answer.kind === 'error' && answer.error.code
  }
  expect(await codeOf('call-1', { body: true })).toBe('FEATURE_UNAVAILABLE')
  expect(await codeOf('call-2')).toBe('CAPABILITY_ANSWER_LOST')
  // they are over: their ids mean nothing any more
  expect(await codeOf('call-1')).toBe('CAPABILITY_ANSWER_LOST')
})

it('keeps the id of a call while its body comes, and cancels it for its own execution only', async () => {
  const { opened, worker, calls, session } = await open()
  const { id } = await started(opened)
  worker.process.send(request(id))
  const call = await calls.next()
  call.answer({ kind: 'value', value: bytesOf(1), body: oneChunk() })
  await waitFor(worker.process.next('capability-response'))
  worker.process.send(request(id))
  worker.process.send({ type: 'capability-cancel', executionId: 'other', callId: 'call-1' })
  await settleWire(opened)
  expect([call.signal.aborted, session.info().counters.invalidMessages]).toEqual([false, 2])
  worker.process.send({ type: 'capability-cancel', executionId: id, callId: 'call-1' })
  await settleWire(opened)
  expect(call.signal.aborted).toBe(true)
})

it('closes the channel of a body whose time is over, although nobody reads it', async () => {
  const { opened, session, worker, calls } = await open()
  const { id } = await started(opened)
  worker.process.send(request(id))
  const over = new AbortController()
  ;(await calls.next()).answer({ kind: 'value', value: bytesOf(1), body: oneChunk(5000), signal: over.signal })
  const { streamId } = await waitFor(worker.process.next('stream-open'))
  // less than the chunk: a piece goes out, and the rest waits
  worker.process.send({ type: 'stream-credit', streamId, bytes: 1000 })
  await waitFor(worker.process.next('stream-data'))
  over.abort(coreErrors.TIMED_OUT({ what: 'the call', timeoutMs: 5 }))
  await waitFor(worker.process.next('stream-close'))
  expect(await waitFor(worker.process.next('stream-close'))).toMatchObject({
    side: 'write',
    error: { code: 'TIMED_OUT' },
  })
  worker.process.send({ type: 'stream-close', streamId, side: 'write' })
  await settleWire(opened)
  expect(session.info().streams.open).toBe(0)
})

it('leaves no channel open for a reply that no frame holds', async () => {
  const served = createGrants()
  const limits = { ...defaultLimits, frameBytes: 10_000 }
  const opened = await openSession({ grants: served.grants }, { ready: { limits } })
  const { id } = await started(opened)
  const { process } = opened.worker
  for (const [callId, body] of [
    ['call-1', undefined],
    ['call-2', oneChunk()],
  ] as const) {
    process.send(request(id, callId))
    ;(await served.calls.next()).answer({ kind: 'value', value: new Uint8Array(10_000), body })
    expect(await waitFor(process.next('capability-response'))).toMatchObject({
      callId,
      answer: { kind: 'error', error: { code: 'FRAME_TOO_LARGE' } },
    })
  }
  const { streamId } = await waitFor(process.next('stream-open'))
  process.send({ type: 'stream-close', streamId, side: 'write' })
  await settleWire(opened)
  expect(opened.session.info().streams.open).toBe(0)
})

it('denies what a callback says nothing to, and lets a call that joined decide', async () => {
  const { opened, session, worker, calls } = await open()
  const ask = async (callId: string, onApproval?: () => Promise<true>): Promise<unknown> => {
    const first =
      onApproval === undefined
        ? session.run('cell', { onApproval: () => undefined as never })
        : session.execute('cell', { idempotencyKey: 'k' }).outcome
    const joined = onApproval && session.run('cell', { idempotencyKey: 'k', onApproval })
    const { executionId } = await waitFor(worker.process.next('execute'))
    worker.process.ack(executionId)
    worker.process.send(request(executionId, callId))
    const call = await calls.next()
    const decided = await waitFor(call.approve(approval, new AbortController().signal))
    worker.process.result(executionId)
    await waitFor(Promise.all([first, joined]))
    return decided
  }
  expect(await ask('call-1')).toMatchObject({ decision: 'deny' })
  expect(await ask('call-2', async () => true)).toMatchObject({ decision: 'approve' })
  expect(opened.session.info().state).toBe('ready')
})

it('denies what a warm-up asks: nobody is there', async () => {
  const served = createGrants()
  const processes: ScriptedProcess[] = []
  const opening = openSession(
    { grants: served.grants, warmup: ['cell'] },
    {
      script(message, process) {
        if (message.type !== 'execute') return
        processes.push(process)
        process.ack(message.executionId)
        process.send(request(message.executionId))
      },
    },
  )
  const call = await served.calls.next()
  expect(await waitFor(call.approve(approval, new AbortController().signal))).toMatchObject({ decision: 'deny' })
  call.answer({ kind: 'value', value: bytesOf(1) })
  processes[0]?.result(call.executionId)
  expect((await waitFor(opening)).session.info().state).toBe('ready')
})

it('does not start on a worker that has no capabilities', async () => {
  const { grants } = createGrants()
  await expect(openSession({ grants }, { ready: { features: [] } })).rejects.toMatchObject({
    code: 'FEATURE_UNAVAILABLE',
    details: { feature: 'capabilities' },
  })
})

import { CapsuleError, coreErrors } from '@capsule/core'
import { capabilityLimits, encodeValue } from '@capsule/protocol'
import { expect, it } from 'vitest'
import { type BodyChannel, createCapabilityCalls } from './capability-calls.ts'

const upload = { name: 'files.write', returns: 'value', body: { field: 'data', position: 0 } } as const
const download = { name: 'files.read', returns: 'body' } as const
const value = encodeValue({ size: 1 }, { bytes: 1000, depth: 10 })?.bytes ?? new Uint8Array()

async function* oneChunk(): AsyncGenerator<string> {
  yield 'a'
}

/** Calls of one execution that runs, over channels that note what is done to them. */
function createCalls({ read }: Partial<Pick<BodyChannel, 'read'>> = {}) {
  const log: string[] = []
  const state = { cancellation: undefined as Error | undefined, hasRoom: true }
  const note = (what: string) => async (): Promise<void> => void log.push(what)
  const calls = createCapabilityCalls({
    emit: ({ type }) => void log.push(type),
    currentExecutionId: () => 'e-1',
    isRunning: () => true,
    onCancel(_, listener) {
      if (state.cancellation !== undefined) listener(state.cancellation)
      return () => {}
    },
    openChannel(callId) {
      if (!state.hasRoom) throw new Error('no room')
      log.push(`open ${callId}`)
      return {
        read: read ?? (async () => ({ done: true, value: undefined })),
        write: note('write'),
        end: note('end'),
        fail: note('fail'),
        cancel: () => void log.push('cancel'),
        async *[Symbol.asyncIterator]() {},
      }
    },
    argsBytes: 1000,
  })
  return { calls, log, state }
}

it('opens no channel in an execution that is cancelled: the host would never hear of its call', async () => {
  const { calls, log, state } = createCalls()
  state.cancellation = coreErrors.CANCELLED({ what: 'e-1' })
  await expect(calls.call(upload, [oneChunk()])).rejects.toBe(state.cancellation)
  expect([log, calls.pending]).toEqual([[], 0])
})

it('forgets a call that no channel is left for', async () => {
  const { calls, log, state } = createCalls()
  state.hasRoom = false
  await expect(calls.call(upload, [oneChunk()])).rejects.toThrow('no room')
  expect([log, calls.pending]).toEqual([[], 0])
})

it('makes no more calls than the host keeps', async () => {
  const { calls } = createCalls()
  for (let made = 0; made < capabilityLimits.maxPendingCalls; made++) void calls.call(download, [])
  await expect(calls.call(download, [])).rejects.toMatchObject({ code: 'CAPABILITY_CALLS_PENDING' })
})

it('leaves the body of an answer that comes when the call is over', () => {
  const { calls, log } = createCalls()
  void calls.call(download, [])
  calls.close('e-1')
  const answer = { kind: 'value', value, body: true } as const
  expect(calls.respond({ type: 'capability-response', executionId: 'e-1', callId: 'call-1', answer })).toBe(false)
  expect(log).toEqual(['capability-request', 'open call-1', 'cancel', 'end'])
})

it('fails a body with what the host has told, as it fails a call', async () => {
  const told = { name: 'CapsuleError', message: 'took too long', code: 'CAPABILITY_TIMED_OUT' }
  const { calls } = createCalls({
    read: () => Promise.reject(streamFailed({ error: told })),
  })
  const reply = calls.call(download, [])
  const answer = { kind: 'value', value, body: true } as const
  calls.respond({ type: 'capability-response', executionId: 'e-1', callId: 'call-1', answer })
  await expect(((await reply) as { text(): Promise<string> }).text()).rejects.toMatchObject(told)
})

function streamFailed(details: { error: object }): Error {
  return new CapsuleError('STREAM_FAILED', 'the peer failed it', details)
}

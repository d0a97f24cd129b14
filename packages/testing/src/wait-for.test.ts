import { EventEmitter } from 'node:events'
import { coreErrors } from '@capsule/core'
import { expect, it } from 'vitest'
import { createRecordingLogger } from './recording-logger.ts'
import { createRecorder, waitFor, waitForEvent } from './wait-for.ts'

it('fails when the deadline passes and names what was waited for', async () => {
  const never = waitFor(new Promise(() => {}), { deadlineMs: 1, what: 'the moon' })
  await expect(never).rejects.toSatisfy((error) => coreErrors.TIMED_OUT.is(error) && error.message.includes('the moon'))
})

it('gives the arguments of an event and leaves no listener behind', async () => {
  const emitter = new EventEmitter()
  const seen = waitForEvent(emitter, 'news')
  emitter.emit('news', 1, 2)
  expect(await seen).toEqual([1, 2])
  await expect(waitForEvent(emitter, 'news', { deadlineMs: 1 })).rejects.toMatchObject({ code: 'TIMED_OUT' })
  expect(emitter.listenerCount('news')).toBe(0)
})

it('finds recorded values, past and future', async () => {
  const recorder = createRecorder<number>()
  recorder.record(1)
  expect(await recorder.waitFor((value) => value === 1)).toBe(1)
  const later = recorder.waitFor((value) => value > 1)
  const three = recorder.waitForCount(3)
  recorder.record(2)
  recorder.record(3)
  expect(await later).toBe(2)
  expect(await three).toEqual([1, 2, 3])
})

it('remembers what children of a logger say', () => {
  const logger = createRecordingLogger()
  logger.child({ session: 's' }).warn('slow', { ms: 5 })
  expect(logger.lines).toEqual([{ level: 'warn', message: 'slow', fields: { session: 's', ms: 5 } }])
})

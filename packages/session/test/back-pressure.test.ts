import { expect, it } from 'vitest'
import { waitFor } from '@capsule/testing'
import { credits, eventsOf, openSession, settleWire, started } from './open-session.ts'

const windowBytes = 1000
const chunk = 'x'.repeat(300)

it('gives credit as events are read, in steps of half a window', async () => {
  const open = await openSession({ outputWindowBytes: windowBytes })
  const { execution, id } = await started(open)
  for (let index = 0; index < 4; index++) open.worker.process.output(id, chunk)
  const events = execution[Symbol.asyncIterator]()
  await events.next()
  await settleWire(open)
  expect(credits(open)).toEqual([])
  await events.next()
  await settleWire(open)
  expect(credits(open)).toEqual([600])
  open.worker.process.result(id)
  await execution.outcome
  await settleWire(open)
  expect(credits(open)).toEqual([600, 600])
  expect(await eventsOf(execution)).toHaveLength(2)
})

it('lets a cell wait while nobody reads, and frees it once only the outcome is wanted', async () => {
  const open = await openSession({ outputWindowBytes: windowBytes })
  const { execution, id } = await started(open)
  for (let index = 0; index < 4; index++) open.worker.process.output(id, chunk + index)
  await settleWire(open)
  expect(credits(open)).toEqual([])
  const { outcome } = execution
  await settleWire(open)
  expect(credits(open)).toEqual([1204])
  for (let index = 4; index < 8; index++) open.worker.process.output(id, chunk + index)
  open.worker.process.result(id)
  expect(await outcome).toMatchObject({ truncated: true, output: { droppedBytes: 5 * 301, droppedChunks: 5 } })
  expect((await eventsOf(execution)).map((event) => 'text' in event && event.text.slice(-1))).toEqual(['5', '6', '7'])
})

it('gives credit freely once the reader has left', async () => {
  const open = await openSession({ outputWindowBytes: windowBytes })
  const { execution, id } = await started(open)
  open.worker.process.output(id, chunk)
  for await (const _event of execution) break
  for (let index = 0; index < 3; index++) open.worker.process.output(id, chunk)
  await settleWire(open)
  expect(credits(open)).toEqual([600, 600])
  open.worker.process.result(id)
  await execution.outcome
})

it('gives credit freely once the cell is being stopped, and keeps what a reader is owed', async () => {
  const open = await openSession({ outputWindowBytes: windowBytes })
  const { execution, id } = await started(open)
  const events = execution[Symbol.asyncIterator]()
  for (let index = 0; index < 4; index++) open.worker.process.output(id, chunk)
  await settleWire(open)
  void execution.cancel()
  await settleWire(open)
  expect(credits(open)).toEqual([1200])
  open.worker.process.error(id, { status: 'cancelled' })
  await execution.outcome
  for (let index = 0; index < 4; index++) expect(await events.next()).toMatchObject({ done: false })
  expect(await events.next()).toMatchObject({ done: true })
})

it('gives credit for late output at once', async () => {
  const open = await openSession({ outputWindowBytes: windowBytes })
  const { execution, id } = await started(open)
  open.worker.process.result(id)
  await execution.outcome
  for (let index = 0; index < 2; index++) open.worker.process.output(id, chunk, { late: true })
  await settleWire(open)
  expect(credits(open)).toEqual([600])
})

it('stops reading where credit was not agreed, and goes on when the reader catches up', async () => {
  const open = await openSession({ outputWindowBytes: windowBytes }, { ready: { features: [] } })
  const { execution, id } = await started(open)
  const events = execution[Symbol.asyncIterator]()
  for (let index = 0; index < 4; index++) open.worker.process.output(id, chunk)
  // the fourth chunk is over the window: from here the transport is paused, and the result stays in the pipe
  for (let index = 0; index < 2; index++) await events.next()
  open.worker.process.result(id)
  for (let index = 0; index < 2; index++) await events.next()
  expect(await waitFor(events.next())).toMatchObject({ done: true })
  expect(credits(open)).toEqual([])
})

it('does not let an unread event of a settled cell slow the next', async () => {
  const open = await openSession({ outputWindowBytes: windowBytes }, { ready: { features: [] } })
  const first = await started(open)
  open.worker.process.output(first.id, chunk.repeat(4))
  open.worker.process.result(first.id)
  await first.execution.outcome
  const second = await started(open)
  open.worker.process.output(second.id, 'y')
  open.worker.process.result(second.id)
  expect(await eventsOf(second.execution)).toHaveLength(1)
})

import { expect, it } from 'vitest'
import { createSession } from './create-session.ts'
import { createScriptedWorker } from './scripted-worker.ts'
import type { Execution, ExecutionEvent } from './session.ts'

it('runs a cell', async () => {
  const worker = createScriptedWorker()
  await using session = await createSession({ connect: worker.connect })
  const execution = session.execute('1 + 1')
  const { executionId, code } = await worker.process.next('execute')
  expect(code).toBe('1 + 1')
  worker.process.ack(executionId)
  worker.process.output(executionId, 'hi\n')
  worker.process.result(executionId, { text: '2' })
  const events = await collectEvents(execution)
  expect(events).toEqual([{ type: 'output', executionId, stream: 'stdout', text: 'hi\n' }])
  expect(await execution.outcome).toMatchObject({ executionId, status: 'ok', state: 'kept', text: '2', cell: 1 })
})

async function collectEvents(execution: Execution): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = []
  for await (const event of execution) events.push(event)
  return events
}

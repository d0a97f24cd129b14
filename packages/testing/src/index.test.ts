import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'RestateServer',
    'createFakeClock',
    'createRecorder',
    'createRecordingLogger',
    'defaultDeadlineMs',
    'findPort',
    'hasPostgres',
    'hasRestateServer',
    'postgresMissing',
    'startPostgres',
    'waitFor',
    'waitForEvent',
  ])
})

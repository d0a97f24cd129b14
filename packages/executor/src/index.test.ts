import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'chooseRoute',
    'createCellRunner',
    'createHostRequests',
    'createOutputPump',
    'createShowing',
    'droppedTerminal',
    'executorErrors',
    'installOutputCapture',
  ])
})

it('exports the contract suite apart', async () => {
  expect(Object.keys(await import('./testing.ts')).sort()).toEqual([
    'describeConcurrencyContract',
    'describeExecutorContract',
  ])
})

import type { ProgressMessage } from '@capsule/protocol'
import { createFakeClock } from '@capsule/testing'
import { expect, it } from 'vitest'
import { createProgressReports } from './progress-reports.ts'

function open({ hasFeature = true }: { hasFeature?: boolean } = {}) {
  const clock = createFakeClock()
  const sent: ProgressMessage[] = []
  const last: ProgressMessage[] = []
  let current: string | undefined = 'e'
  const running = new Set(['e', 'f'])
  const reports = createProgressReports({
    show: hasFeature ? (message) => sent.push(message) : undefined,
    showLast: (message) => last.push(message),
    currentExecutionId: () => current,
    isRunning: (executionId) => running.has(executionId),
    clock,
  })
  const doneOf = (messages: readonly ProgressMessage[]): number[] => messages.map(({ done }) => done)
  return {
    ...reports,
    clock,
    sent: () => doneOf(sent.splice(0)),
    last: () => doneOf(last.splice(0)),
    as: (executionId: string | undefined) => void (current = executionId),
    end: (executionId: string) => void running.delete(executionId),
  }
}

it('sends at most one report each 50 ms, and none by itself', () => {
  const { progress, clock, sent } = open()
  for (let done = 0; done < 1000; done++) progress(done)
  expect(sent()).toEqual([0])
  clock.advance(49)
  progress(1000)
  expect(sent()).toEqual([])
  clock.advance(1)
  expect(clock.pendingTimers).toBe(0)
  progress(1001)
  expect(sent()).toEqual([1001])
})

it('sends what it held back once: before something else, or at the end', () => {
  const { progress, flush, close, sent, last } = open()
  progress(1)
  progress(2)
  flush('f')
  expect(sent()).toEqual([1])
  flush('e')
  flush('e')
  expect(sent()).toEqual([2])
  progress(3)
  progress(4)
  close('e')
  close('e')
  expect([sent(), last()]).toEqual([[], [4]])
})

it('keeps executions apart, and has nothing to say of settled ones or of nobody', () => {
  const { progress, as, end, close, sent, last } = open()
  progress(1)
  as('f')
  progress(2)
  as(undefined)
  progress(3)
  as('e')
  close('e')
  end('e')
  progress(4)
  close('e')
  expect([sent(), last()]).toEqual([[1, 2], []])
})

it('says nothing to a host without the feature', () => {
  const { progress, flush, close, sent, last } = open({ hasFeature: false })
  progress(1)
  progress(2)
  flush('e')
  close('e')
  expect([sent(), last()]).toEqual([[], []])
})

it('refuses what is no progress', () => {
  const { progress } = open()
  for (const wrong of [[Number.NaN], ['1'], [1, Infinity], [1, 2, 3]]) {
    expect(() => progress(...(wrong as [number]))).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }))
  }
})

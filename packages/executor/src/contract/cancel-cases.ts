import { describe, expect, it } from 'vitest'
import type { ExecutorAbilities } from '../executor.ts'
import { isTerminal, type OpenBench } from './executor-bench.ts'

/** Each prints `go` and then does not end by itself. */
const cooperativeCells: Readonly<Record<string, string>> = {
  'a promise that never settles': 'console.log("go"); await new Promise(() => {})',
  'a long timer': 'console.log("go"); await new Promise((done) => setTimeout(done, 1e9))',
  'a loop of awaits': 'console.log("go"); for (;;) await new Promise((next) => setImmediate(next))',
  'a catch that swallows the cancellation once':
    'console.log("go"); try { await new Promise(() => {}) } catch {} await new Promise(() => {})',
  'a finally that awaits':
    'console.log("go"); try { await new Promise(() => {}) } finally { await new Promise(() => {}) }',
  'an async function of the cell':
    'const hang = async () => { await new Promise(() => {}) }; console.log("go"); await hang()',
}

const preemptiveCells: Readonly<Record<string, string>> = {
  'while (true)': 'console.log("go"); while (true) {}',
  'for (;;) await null': 'console.log("go"); for (;;) await null',
  'a loop in try and finally': 'console.log("go"); try { while (true) {} } finally { while (true) {} }',
  'a catch around a loop': 'console.log("go"); for (;;) { try { while (true) {} } catch {} }',
  'a loop after an await': 'await null; console.log("go"); while (true) {}',
  'a loop in a timer': 'setTimeout(() => { console.log("go"); while (true) {} }); await new Promise(() => {})',
  'Atomics.wait': 'console.log("go"); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  'a long regular expression': 'console.log("go"); /^(a+)+$/.test("a".repeat(40) + "b")',
}

export function cancelCases(open: OpenBench, { preemptive }: ExecutorAbilities): void {
  const cancels = (name: string, code: string, rung?: { readonly rung: 1 }): void =>
    it(`cancels ${name} and keeps the namespace`, async () => {
      const bench = await open()
      await bench.run('const kept = "kept"')
      const executionId = await bench.start(code)
      await bench.until('the cell to run', () => bench.printed(executionId).startsWith('go'))
      bench.cancel(executionId)
      const terminal = await bench.terminal(executionId)
      expect(terminal).toMatchObject({ type: 'error', status: 'cancelled', error: { code: 'CANCELLED' }, ...rung })
      expect(await bench.text('kept')).toBe("'kept'")
      expect(bench.of(executionId).filter(isTerminal)).toHaveLength(1)
    })

  describe('cancel', () => {
    for (const [name, code] of Object.entries(cooperativeCells)) cancels(name, code, { rung: 1 })
    describe.skipIf(!preemptive)('of code that does not yield', () => {
      for (const [name, code] of Object.entries(preemptiveCells)) cancels(name, code)

      it('marks the session tainted after a hard cancel', async () => {
        const bench = await open()
        const executionId = await bench.start('console.log("go"); while (true) {}')
        await bench.until('the cell to run', () => bench.printed(executionId) === 'go\n')
        bench.cancel(executionId)
        expect(await bench.terminal(executionId)).toMatchObject({ rung: 2, tainted: true })
      })
    })

    it('runs finally blocks and the abort signal', async () => {
      const bench = await open()
      const executionId = await bench.start(
        'console.log("go"); capsule.signal.addEventListener("abort", () => console.log("aborted")); try { await new Promise(() => {}) } finally { console.log("finally") }',
      )
      await bench.until('the cell to run', () => bench.printed(executionId) === 'go\n')
      bench.cancel(executionId)
      await bench.terminal(executionId)
      expect(bench.printed(executionId).split('\n').sort()).toEqual(['', 'aborted', 'finally', 'go'])
    })

    it('says timed-out when that is the reason', async () => {
      const bench = await open()
      const executionId = await bench.start('console.log("go"); await new Promise(() => {})')
      await bench.until('the cell to run', () => bench.printed(executionId) === 'go\n')
      bench.cancel(executionId, 'timed-out')
      expect(await bench.terminal(executionId)).toMatchObject({ status: 'timed-out', error: { code: 'TIMED_OUT' } })
    })

    it('tells the truth about a cell that swallows the cancellation and completes', async () => {
      const bench = await open()
      const executionId = await bench.start(
        'console.log("go"); let end; try { await new Promise(() => {}) } catch { end = "mine" } end',
      )
      await bench.until('the cell to run', () => bench.printed(executionId) === 'go\n')
      bench.cancel(executionId)
      expect(await bench.terminal(executionId)).toMatchObject({ type: 'result', text: "'mine'" })
    })

    it('is idempotent, and harmless for unknown and settled ids', async () => {
      const bench = await open()
      bench.cancel('nobody')
      const executionId = await bench.start('console.log("go"); await new Promise(() => {})')
      await bench.until('the cell to run', () => bench.printed(executionId) === 'go\n')
      bench.cancel(executionId)
      bench.cancel(executionId)
      await bench.terminal(executionId)
      bench.cancel(executionId)
      expect(await bench.text('await 1')).toBe('1')
      expect(bench.of(executionId).filter(isTerminal)).toHaveLength(1)
    })

    it('interrupts whatever runs', async () => {
      const bench = await open()
      const executionId = await bench.start('console.log("go"); await new Promise(() => {})')
      await bench.until('the cell to run', () => bench.printed(executionId) === 'go\n')
      bench.executor.interrupt({ type: 'interrupt', cooperativeMs: 30 })
      expect(await bench.terminal(executionId)).toMatchObject({ status: 'cancelled' })
      bench.executor.interrupt({ type: 'interrupt', cooperativeMs: 30 })
      expect(await bench.text('await 1')).toBe('1')
    })
  })
}

import { describe, expect, it } from 'vitest'
import { type ExecutorContractSubject, isTerminal, type OpenBench } from './executor-bench.ts'

export function settlementCases(open: OpenBench, { abilities, lacks = [] }: ExecutorContractSubject): void {
  const { concurrent } = abilities
  const hasDrain = !lacks.includes('drain')
  describe('settlement', () => {
    it('ends each accepted execution once, with its own outcome', async () => {
      const bench = await open()
      expect(await bench.text('1 + 1')).toBe('2')
      expect(await bench.text('await 3')).toBe('3')
      expect(await bench.run('throw new TypeError("no")')).toMatchObject({
        status: 'error',
        error: { name: 'TypeError', message: 'no' },
      })
      expect(await bench.run('1 +')).toMatchObject({ type: 'error', status: 'error', error: { name: 'SyntaxError' } })
      const ends = bench.messages.filter(isTerminal).map(({ executionId }) => executionId)
      expect(ends).toEqual(['execution-1', 'execution-2', 'execution-3', 'execution-4'])
    })

    it('says how a cell ran', async () => {
      const bench = await open()
      expect(await bench.run('await 1')).toMatchObject({ cell: 1, mode: 'top-level-await', output: { bytes: 0 } })
      const second = await bench.run('2')
      expect(second.cell).toBe(2)
      expect(second.durationMs).toBeGreaterThanOrEqual(0)
    })

    it('keeps the namespace between cells, also after one threw', async () => {
      const bench = await open()
      await bench.run('const kept = 40; let more = 1')
      await bench.run('more = 2; throw new Error("half-way")')
      expect(await bench.text('kept + more')).toBe('42')
    })

    it.skipIf(concurrent)('refuses a second cell while one runs', async () => {
      const bench = await open()
      const first = await bench.start('await input("wait")')
      const request = await bench.inputRequest(first)
      await expect((async () => bench.start('2'))()).rejects.toMatchObject({ code: 'EXECUTOR_BUSY' })
      bench.answer(request, { kind: 'text', text: 'go' })
      expect(await bench.terminal(first)).toMatchObject({ type: 'result', text: "'go'" })
      expect(await bench.text('3')).toBe('3')
    })

    it.skipIf(!concurrent)('runs several cells at once', async () => {
      const bench = await open()
      const first = await bench.start('await new Promise((resolve) => { globalThis.release = resolve })')
      expect(await bench.text('release("free"); 2')).toBe('2')
      expect(await bench.terminal(first)).toMatchObject({ text: "'free'" })
    })

    it('survives uncaught errors and tells which cell caused them', async () => {
      const bench = await open()
      const code =
        'setTimeout(() => { throw new Error("boom") }); await new Promise((go) => setTimeout(go, 50)); "survived"'
      const executionId = await bench.start(code)
      expect(await bench.terminal(executionId)).toMatchObject({ text: "'survived'" })
      expect(bench.of(executionId)).toMatchObject([{ type: 'error', terminal: false, error: { message: 'boom' } }, {}])
      expect(bench.of(executionId)[0]).not.toHaveProperty('late')
    })

    it('reports late errors to the cell that caused them', async () => {
      const bench = await open()
      const thrower = await bench.start('setTimeout(() => { throw new Error("late throw") }, 20); 1')
      await bench.terminal(thrower)
      await bench.until('the late error', () => bench.of(thrower).length === 2)
      expect(bench.of(thrower)[1]).toMatchObject({ terminal: false, late: true, error: { message: 'late throw' } })
      const rejecter = await bench.start('setTimeout(() => { void Promise.reject(new Error("late reject")) }, 20); 1')
      await bench.terminal(rejecter)
      await bench.until('the late rejection', () => bench.of(rejecter).length === 2)
      expect(bench.of(rejecter)[1]).toMatchObject({ terminal: false, late: true, error: { message: 'late reject' } })
      expect(await bench.text('"alive"')).toBe("'alive'")
    })

    it('reports late errors to the cell that caused them, not to the one that runs', async () => {
      const bench = await open()
      const first = await bench.start(
        'const gate = Promise.withResolvers(); void gate.promise.then(() => setTimeout(() => { throw new Error("boom") }))',
      )
      await bench.terminal(first)
      const second = await bench.start('gate.resolve(); await new Promise((go) => setTimeout(go, 50)); "end"')
      expect(await bench.terminal(second)).toMatchObject({ text: "'end'" })
      expect(bench.of(first)[1]).toMatchObject({ terminal: false, late: true, error: { message: 'boom' } })
      expect(bench.of(second)).toHaveLength(1)
    })

    it('answers inspect, also while a cell waits', async () => {
      const bench = await open()
      await bench.run('const answer = 42')
      const waiting = await bench.start('await input("hold")')
      const request = await bench.inputRequest(waiting)
      const namespace = await bench.executor.inspect({ what: 'namespace' })
      expect(namespace).toMatchObject({ what: 'namespace', bindings: [{ name: 'answer', kind: 'const' }] })
      const completeness = await bench.executor.inspect({ what: 'completeness', code: 'if (x) {' })
      expect(completeness).toEqual({ what: 'completeness', status: 'incomplete' })
      bench.answer(request, { kind: 'eof' })
      await bench.terminal(waiting)
    })

    it('counts what runs and what the namespace holds', async () => {
      const bench = await open()
      await bench.run('const a = 1; let b = 2')
      expect(await bench.executor.stats()).toMatchObject({ executionIds: [], bindings: 2 })
      const waiting = await bench.start('await input("hold")')
      const request = await bench.inputRequest(waiting)
      expect(await bench.executor.stats()).toMatchObject({ executionIds: [waiting] })
      bench.answer(request, { kind: 'eof' })
      await bench.terminal(waiting)
    })

    it.skipIf(!hasDrain)('drains: what was accepted is settled', async () => {
      const bench = await open()
      const executionId = await bench.start('await new Promise((go) => setTimeout(go, 30)); console.log("out"); "end"')
      await bench.executor.drain({ graceMs: 5000 })
      expect(await bench.terminal(executionId)).toMatchObject({ text: "'end'" })
      await bench.executor.drain({ graceMs: 5000 })
    })

    it.skipIf(!hasDrain)('stops waiting for the drain when its grace is over', async () => {
      const bench = await open()
      const executionId = await bench.start('await new Promise(() => {})')
      await bench.executor.drain({ graceMs: 10 })
      bench.cancel(executionId)
      expect(await bench.terminal(executionId)).toMatchObject({ status: 'cancelled' })
    })
  })
}

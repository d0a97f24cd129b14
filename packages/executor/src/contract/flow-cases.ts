import { describe, expect, it } from 'vitest'
import type { ExecutorContractSubject, OpenBench } from './executor-bench.ts'

// 2,000 lines of 100 bytes against a window of 1,000 and a buffer of 4,000
const windowBytes = 1000
const small = { outputBufferBytes: 4000, outputChunkBytes: 500 }
const printLines = 'for (let i = 0; i < 2000; i++) console.log(String(i).padEnd(99, "."))'
const totalBytes = 200_000

export function flowCases(open: OpenBench, { abilities, lacks = [] }: ExecutorContractSubject): void {
  const { preemptive } = abilities
  describe.skipIf(lacks.includes('credit'))('flow control', () => {
    it.each([
      { backPressure: 'drop-new', kept: /^0\./ },
      { backPressure: 'drop-oldest', kept: /\n1999\.+\n$/ },
    ] as const)('drops output in mode $backPressure, and counts it', async ({ backPressure, kept }) => {
      const bench = await open({ windowBytes, settings: { ...small, backPressure } })
      const executionId = await bench.start(`${printLines}; await new Promise((go) => setTimeout(go, 50)); "end"`)
      await bench.until('a full window', () => bench.printed(executionId).length >= windowBytes / 2)
      // answered behind all that is printed: credit must not come before the buffer has overflowed
      await bench.executor.inspect({ what: 'namespace' })
      bench.executor.credit(totalBytes)
      const { output } = await bench.terminal(executionId)
      expect(output.droppedBytes).toBeGreaterThan(0)
      expect(output.bytes + output.droppedBytes).toBe(totalBytes)
      expect(bench.printed(executionId)).toMatch(kept)
    })

    it('throws OUTPUT_OVERFLOW into the printing code in mode error', async () => {
      const bench = await open({ windowBytes, settings: { ...small, backPressure: 'error' } })
      const executionId = await bench.start(`let code; try { ${printLines} } catch (error) { code = error.code } code`)
      await bench.until('a full window', () => bench.printed(executionId).length >= windowBytes / 2)
      bench.executor.credit(totalBytes)
      expect(await bench.terminal(executionId)).toMatchObject({ text: "'OUTPUT_OVERFLOW'" })
    })

    it.skipIf(!preemptive)('blocks the printing code in mode block, and loses nothing', async () => {
      const bench = await open({ windowBytes, settings: { ...small, backPressure: 'block' } })
      const executionId = await bench.start(`${printLines}; "end"`)
      let creditedBytes = 0
      while (creditedBytes < totalBytes) {
        await bench.until('more output', () => bench.printed(executionId).length > creditedBytes)
        const takenBytes = bench.printed(executionId).length
        expect(takenBytes).toBeLessThanOrEqual(creditedBytes + windowBytes)
        bench.executor.credit(takenBytes - creditedBytes)
        creditedBytes = takenBytes
      }
      expect((await bench.terminal(executionId)).output).toEqual({
        bytes: totalBytes,
        droppedBytes: 0,
        droppedChunks: 0,
      })
    })

    it.skipIf(!preemptive)('cancels a cell that is blocked on a slow reader', async () => {
      const bench = await open({ windowBytes, settings: { ...small, backPressure: 'block' } })
      const executionId = await bench.start(`${printLines}; for (;;) console.log("more")`)
      await bench.until('a full window', () => bench.printed(executionId).length >= windowBytes / 2)
      bench.cancel(executionId)
      bench.executor.credit(10 * totalBytes)
      expect(await bench.terminal(executionId)).toMatchObject({ status: 'cancelled' })
    })

    it('ends in OUTPUT_NOT_DRAINED and no result when nobody takes the output', async () => {
      const bench = await open({ windowBytes, settings: { drainTimeoutMs: 50 } })
      const executionId = await bench.start('console.log("x".repeat(5000)); "never seen"')
      const terminal = await bench.terminal(executionId)
      expect(terminal).toMatchObject({ type: 'error', status: 'error', error: { code: 'OUTPUT_NOT_DRAINED' } })
      expect(terminal.output).toMatchObject({ bytes: windowBytes, droppedBytes: 5001 - windowBytes })
      bench.executor.credit(windowBytes)
      expect(await bench.text('"alive"')).toBe("'alive'")
    })

    it('warns once and delivers the result where drain errors are suppressed', async () => {
      const bench = await open({ windowBytes, settings: { drainTimeoutMs: 50, suppressDrainErrors: true } })
      const executionId = await bench.start('console.log("x".repeat(5000)); "seen"')
      expect(await bench.terminal(executionId)).toMatchObject({ type: 'result', text: "'seen'" })
      expect(bench.printed(executionId, 'stderr')).toMatch(/^capsule: output made no progress for 50 ms/)
    })
  })
}

import { describe, expect, it } from 'vitest'
import { isTerminal, type OpenBench } from './executor-bench.ts'

export function outputCases(open: OpenBench): void {
  describe('output', () => {
    it('sends both streams in the order of printing, and the result last', async () => {
      const bench = await open()
      const executionId = await bench.start(
        'for (let i = 0; i < 500; i++) { console.log("o" + i); console.error("e" + i) } "end"',
      )
      const terminal = await bench.terminal(executionId)
      const lines = Array.from({ length: 500 }, (_, i) => `o${i}\ne${i}\n`)
      expect(bench.printed(executionId)).toBe(lines.join(''))
      expect(bench.printed(executionId, 'stderr').startsWith('e0\ne1\n')).toBe(true)
      expect(bench.of(executionId).at(-1)).toBe(terminal)
      expect(bench.of(executionId).filter(isTerminal)).toHaveLength(1)
    })

    it('sends big output whole and in chunks before the result', async () => {
      const bench = await open({ settings: { outputChunkBytes: 4096 } })
      const executionId = await bench.start('for (let i = 0; i < 3000; i++) console.log("é".repeat(500)); "end"')
      const terminal = await bench.terminal(executionId)
      expect(bench.printed(executionId)).toBe(`${'é'.repeat(500)}\n`.repeat(3000))
      expect(terminal.output).toEqual({ bytes: 3000 * 1001, droppedBytes: 0, droppedChunks: 0 })
      const sizes = bench
        .of(executionId)
        .map((message) => (message.type === 'output' ? Buffer.byteLength(message.text) : 0))
      expect(Math.max(...sizes)).toBeLessThanOrEqual(4096)
      expect(bench.of(executionId).at(-1)).toBe(terminal)
    })

    it('carries text unchanged through every way of printing', async () => {
      const bench = await open()
      const executionId = await bench.start(
        [
          'process.stdout.write("10%\\r20%\\r")',
          'process.stdout.write(new Uint8Array([0xf0, 0x9f])); process.stdout.write(new Uint8Array([0x98, 0x80]))',
          'console.group("g"); console.log({ a: 1 }); console.groupEnd(); console.log("%s-%d", "x", 5)',
          'process.stderr.write("err");',
          '(await import("node:fs")).writeSync(1, "fd\\n")',
        ].join('\n'),
      )
      await bench.terminal(executionId)
      expect(bench.printed(executionId, 'stdout')).toBe('10%\r20%\r😀g\n  { a: 1 }\nx-5\nfd\n')
      expect(bench.printed(executionId, 'stderr')).toBe('err')
    })

    it('sends output before the error of a cell that throws', async () => {
      const bench = await open()
      const executionId = await bench.start('console.log("before"); throw new Error("after")')
      await bench.terminal(executionId)
      expect(bench.of(executionId)).toMatchObject([
        { type: 'output', text: 'before\n' },
        { type: 'error', terminal: true },
      ])
    })

    it('shows output while the cell still runs', async () => {
      const bench = await open()
      const executionId = await bench.start('console.log("visible"); await new Promise(() => {})')
      await bench.until('the line', () => bench.printed(executionId) === 'visible\n')
      expect(bench.messages.some(isTerminal)).toBe(false)
      bench.cancel(executionId)
      await bench.terminal(executionId)
    })

    it('attributes late output to the cell that caused it, not to the one that runs', async () => {
      const bench = await open()
      const first = await bench.start(
        'const gate = Promise.withResolvers(); void gate.promise.then(() => console.log("of the first")); "done"',
      )
      await bench.terminal(first)
      const second = await bench.start(
        'gate.resolve(); await new Promise((go) => setTimeout(go, 20)); console.log("of the second")',
      )
      await bench.terminal(second)
      expect(bench.of(first).at(-1)).toEqual({
        type: 'output',
        executionId: first,
        stream: 'stdout',
        text: 'of the first\n',
        late: true,
      })
      expect(bench.printed(second)).toBe('of the second\n')
      expect(bench.of(second)[0]).not.toHaveProperty('late')
    })
  })
}

import { Buffer } from 'node:buffer'
import { creditedBytes, type DisplayMessage, displayLimits, type ProgressMessage } from '@capsule/protocol'
import { describe, expect, it } from 'vitest'
import type { ExecutorBench, ExecutorContractSubject, OpenBench } from './executor-bench.ts'

export function displayCases(open: OpenBench, { abilities, lacks = [] }: ExecutorContractSubject): void {
  describe('display', () => {
    it('comes in order with output, and before the result', async () => {
      const bench = await open()
      const executionId = await bench.start(
        'console.log("a"); display.html("<b>"); console.log("b"); display({ x: 1 }); 2',
      )
      await bench.terminal(executionId)
      expect(bench.of(executionId)).toMatchObject([
        { type: 'output', text: 'a\n' },
        { type: 'display', action: 'show', data: { 'text/html': '<b>' } },
        { type: 'output', text: 'b\n' },
        { type: 'display', data: { 'text/plain': '{ x: 1 }', 'application/json': { json: '{"x":1}' } } },
        { type: 'result' },
      ])
    })

    it('is updated and cleared by its handle, also from another cell, and by its id', async () => {
      const bench = await open()
      await bench.run('const chart = display("one", { id: "chart", metadata: { width: 2 } })')
      await bench.run('chart.update("two"); display("other"); chart.clear()')
      expect(displaysOf(bench).map(({ displayId, action, data }) => [displayId, action, data['text/plain']])).toEqual([
        ['chart', 'show', 'one'],
        ['chart', 'update', 'two'],
        ['display-1', 'show', 'other'],
        ['chart', 'clear', undefined],
      ])
      expect(displaysOf(bench)[0]?.metadata).toBe('{"width":2}')
      expect(await bench.text('try { display(1, { id: "" }) } catch (error) { error.code }')).toBe("'INVALID_OPTIONS'")
    })

    it('shows a last value that says how, also when it takes its time, and reports one that fails', async () => {
      const bench = await open()
      const hook = (body: string): string => `({ [Symbol.for("Jupyter.display")]() { ${body} } })`
      const sync = await bench.start(hook('return { "text/html": "<i>" }'))
      await bench.terminal(sync)
      const slow = await bench.start(
        `await 1; ${hook('return new Promise((go) => setTimeout(go, 5, { "text/html": "<u>" }))')}`,
      )
      await bench.terminal(slow)
      for (const id of [sync, slow]) expect(bench.of(id).map(({ type }) => type)).toEqual(['display', 'result'])
      const failing = await bench.start(hook('throw new Error("no picture")'))
      await bench.terminal(failing)
      expect(bench.of(failing)).toMatchObject([{ type: 'error', error: { message: 'no picture' } }, { type: 'result' }])
    })

    it('cancels a cell whose value never finishes to show itself', async () => {
      const bench = await open()
      const code = '({ [Symbol.for("Jupyter.display")]: () => (console.log("asked"), new Promise(() => {})) })'
      const executionId = await bench.start(code)
      await bench.until('the question', () => bench.printed(executionId) === 'asked\n')
      bench.cancel(executionId)
      expect(await bench.terminal(executionId)).toMatchObject({ status: 'cancelled', rung: 1 })
    })

    it('sends a large one in parts that make the whole', async () => {
      const bench = await open()
      const code =
        'const text = "é\\u0000".repeat(50_000); const bytes = new Uint8Array(200_000).map((_, i) => i);' +
        'display({ "text/plain": text, "image/png": bytes, "application/json": { text } })'
      await bench.run(code)
      const parts = displaysOf(bench)
      expect(parts.map(({ part }) => part)).toEqual(Array.from(parts, (_, index) => ({ index, count: parts.length })))
      for (const part of parts) expect(creditedBytes(part)).toBeLessThan(displayLimits.partBytes + 1000)
      const text = 'é\0'.repeat(50_000)
      const pieces = <T>(mime: string): T[] => parts.flatMap(({ data }) => (mime in data ? [data[mime] as T] : []))
      expect(pieces<string>('text/plain').join('') === text).toBe(true)
      const bytes = Buffer.concat(pieces<Uint8Array>('image/png').map((piece) => Buffer.from(piece)))
      expect(bytes.equals(Uint8Array.from({ length: 200_000 }, (_, index) => index))).toBe(true)
      const json = pieces<{ json: string }>('application/json').map((piece) => piece.json)
      expect(JSON.parse(json.join(''))).toEqual({ text })
    })

    it('leaves out what is too large or cannot be sent, and says what', async () => {
      const bench = await open()
      await bench.run(
        `const loop = {}; loop.loop = loop;
        display({ "text/plain": "small", "image/png": new Uint8Array(${displayLimits.bytes}), "application/json": loop })`,
      )
      expect(displaysOf(bench)).toMatchObject([
        { data: { 'text/plain': 'small' }, truncated: true, dropped: ['image/png', 'application/json'] },
      ])
    })

    it('attributes a late one to the cell that caused it', async () => {
      const bench = await open()
      const first = await bench.start(
        'const gate = Promise.withResolvers(); void gate.promise.then(() => display(1)); 0',
      )
      await bench.terminal(first)
      await bench.run('gate.resolve()')
      await bench.until('the late display', () => displaysOf(bench).length > 0)
      expect(displaysOf(bench)).toMatchObject([{ executionId: first, late: true }])
    })

    it.skipIf(!abilities.preemptive || lacks.includes('credit'))('waits for the reader as output does', async () => {
      const windowBytes = 100_000
      const bench = await open({ windowBytes, settings: { outputBufferBytes: 100_000 } })
      const executionId = await bench.start('for (let i = 0; i < 200; i++) display("x".repeat(20_000)); "end"')
      let creditedSoFar = 0
      const takenBytes = (): number => displaysOf(bench).reduce((sum, part) => sum + creditedBytes(part), 0)
      while (displaysOf(bench).length < 200) {
        await bench.until('more', () => takenBytes() > creditedSoFar)
        expect(takenBytes()).toBeLessThan(creditedSoFar + windowBytes + displayLimits.partBytes)
        bench.executor.credit(takenBytes() - creditedSoFar)
        creditedSoFar = takenBytes()
      }
      expect(await bench.terminal(executionId)).toMatchObject({ text: "'end'", output: { bytes: takenBytes() } })
    })

    it.skipIf(!abilities.preemptive || lacks.includes('credit'))(
      'is cancelled while it waits for the reader',
      async () => {
        const bench = await open({ windowBytes: 1000, settings: { outputBufferBytes: 100_000 } })
        const executionId = await bench.start('for (;;) { display("x".repeat(20_000)); progress(1) }')
        await bench.until('the first', () => displaysOf(bench).length > 0)
        bench.cancel(executionId)
        bench.executor.credit(1e9)
        expect(await bench.terminal(executionId)).toMatchObject({ status: 'cancelled' })
      },
    )
  })

  describe('progress', () => {
    it('sends few of many reports, the last one before the result', async () => {
      const bench = await open()
      const executionId = await bench.start('for (let i = 1; i <= 100_000; i++) progress(i, 100_000, "busy"); "end"')
      const { durationMs } = await bench.terminal(executionId)
      const reports = progressOf(bench)
      expect(reports[0]).toMatchObject({ total: 100_000, text: 'busy' })
      expect(reports.at(-1)).toMatchObject({ done: 100_000 })
      expect(reports.length).toBeLessThanOrEqual(3 + durationMs / 50)
      expect(
        bench
          .of(executionId)
          .slice(-2)
          .map(({ type }) => type),
      ).toEqual(['progress', 'result'])
    })

    it('sends what it held back before what comes behind it', async () => {
      const bench = await open()
      const executionId = await bench.start(
        'progress(1); progress(2); console.log("a"); progress(3); display("b"); progress(4); await input("c").catch(() => 0); progress(5); throw 6',
      )
      bench.answer(await bench.inputRequest(executionId), { kind: 'eof' })
      await bench.terminal(executionId)
      const order = bench.of(executionId).map((message) => (message.type === 'progress' ? message.done : message.type))
      // a report that nothing stands behind may be replaced by the next
      expect(order.filter((one) => one !== 1)).toEqual([2, 'output', 3, 'display', 4, 'input-request', 5, 'error'])
    })

    it('counts the items of iterables of both kinds', async () => {
      const bench = await open()
      expect(await bench.text('[...progress.each(["a", "b"], { text: "t" })].join()')).toBe("'a,b'")
      expect(progressOf(bench).at(-1)).toMatchObject({ done: 2, total: 2, text: 't' })
      const code =
        'let sum = 0; for await (const n of progress.each((async function* () { yield 1; yield 2 })(), { total: 9 })) sum += n; sum'
      expect(await bench.text(code)).toBe('3')
      expect(progressOf(bench).at(-1)).toMatchObject({ done: 2, total: 9 })
      expect(await bench.text('try { progress(NaN) } catch (error) { error.code }')).toBe("'INVALID_OPTIONS'")
    })
  })
}

const displaysOf = (bench: ExecutorBench): DisplayMessage[] =>
  bench.messages.filter((message): message is DisplayMessage => message.type === 'display')

const progressOf = (bench: ExecutorBench): ProgressMessage[] =>
  bench.messages.filter((message): message is ProgressMessage => message.type === 'progress')

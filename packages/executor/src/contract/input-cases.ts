import { describe, expect, it } from 'vitest'
import type { ExecutorAbilities } from '../executor.ts'
import type { OpenBench } from './executor-bench.ts'

const codeOf = (call: string): string => `let code; try { ${call} } catch (error) { code = error.code }; code`

export function inputCases(open: OpenBench, { syncInput }: ExecutorAbilities): void {
  describe('input', () => {
    it('asks behind the output printed before, and gets the answer', async () => {
      const bench = await open()
      const executionId = await bench.start(
        'process.stdout.write("hello "); const name = await input("name? ", { secret: true }); name + "!"',
      )
      const request = await bench.inputRequest(executionId)
      expect(request).toMatchObject({ prompt: 'name? ', secret: true })
      expect(bench.of(executionId).map(({ type }) => type)).toEqual(['output', 'input-request'])
      bench.answer(request, { kind: 'text', text: 'Ada' })
      expect(await bench.terminal(executionId)).toMatchObject({ text: "'Ada!'" })
    })

    it('tells the end of input, a timeout and a cancel apart', async () => {
      const bench = await open()
      const ended = await bench.start(codeOf('await input("a")'))
      bench.answer(await bench.inputRequest(ended), { kind: 'eof' })
      expect(await bench.terminal(ended)).toMatchObject({ text: "'INPUT_EOF'" })
      const timedOut = await bench.start(codeOf('await input("b", { timeoutMs: 20 })'))
      expect(await bench.inputRequest(timedOut)).toMatchObject({ timeoutMs: 20 })
      expect(await bench.terminal(timedOut)).toMatchObject({ text: "'TIMED_OUT'" })
      const toldSo = await bench.start(codeOf('await input("c")'))
      bench.answer(await bench.inputRequest(toldSo), { kind: 'timed-out' })
      expect(await bench.terminal(toldSo)).toMatchObject({ text: "'TIMED_OUT'" })
      const cancelled = await bench.start('await input("d")')
      await bench.inputRequest(cancelled)
      bench.cancel(cancelled)
      expect(await bench.terminal(cancelled)).toMatchObject({ status: 'cancelled', error: { code: 'CANCELLED' } })
    })

    it('ignores answers to unknown, answered and ended requests', async () => {
      const bench = await open()
      const executionId = await bench.start('[await input("1"), await input("2")].join()')
      const first = await bench.inputRequest(executionId)
      bench.executor.respond({ type: 'input-response', executionId, inputId: 'nobody', answer: { kind: 'eof' } })
      bench.answer(first, { kind: 'text', text: 'one' })
      bench.answer(first, { kind: 'text', text: 'again' })
      await bench.until('the second request', () => bench.of(executionId).length === 2)
      const second = bench.of(executionId)[1]
      if (second?.type !== 'input-request') throw new Error('no second request')
      bench.answer(second, { kind: 'text', text: 'two' })
      expect(await bench.terminal(executionId)).toMatchObject({ text: "'one,two'" })
      bench.answer(second, { kind: 'text', text: 'late' })
      expect(await bench.text('1')).toBe('1')
    })

    it.skipIf(!syncInput)('blocks in prompt() until the answer', async () => {
      const bench = await open()
      const executionId = await bench.start('console.log("first"); const line = prompt("line? "); line.toUpperCase()')
      const request = await bench.inputRequest(executionId)
      expect(request.prompt).toBe('line? ')
      expect(bench.printed(executionId)).toBe('first\n')
      bench.answer(request, { kind: 'text', text: 'abc' })
      expect(await bench.terminal(executionId)).toMatchObject({ text: "'ABC'" })
    })

    it.skipIf(!syncInput)('cancels a blocked prompt()', async () => {
      const bench = await open()
      const executionId = await bench.start('prompt("never")')
      await bench.inputRequest(executionId)
      bench.cancel(executionId)
      expect(await bench.terminal(executionId)).toMatchObject({ status: 'cancelled' })
      expect(await bench.text('"alive"')).toBe("'alive'")
    })

    it.skipIf(syncInput)('refuses prompt() and names the way out', async () => {
      const bench = await open()
      const terminal = await bench.run('prompt("now")')
      expect(terminal).toMatchObject({ status: 'error', error: { code: 'SYNC_INPUT_UNAVAILABLE' } })
    })
  })
}

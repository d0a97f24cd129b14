import { describe, expect, it } from 'vitest'
import type { ExecutorAbilities } from '../executor.ts'
import { type ExecutorBench, isTerminal, type OpenBench } from './executor-bench.ts'

const lines = 100
/** Long enough for a thread of a busy machine to answer. */
const patientMs = 3000

/** Prints its lines, each in a turn of its own. */
const printing = (name: string): string =>
  `for (let i = 0; i < ${lines}; i++) { console.log("${name}", i); await new Promise((go) => setImmediate(go)) } "${name}"`
const printed = (name: string): string => Array.from({ length: lines }, (_, index) => `${name} ${index}\n`).join('')

/** Waits where a cancel reaches it. */
const waiting = 'console.log("go"); await new Promise(() => {})'
/** Prints `end` when it is cancelled, in a wait that no cancel reaches. */
const leavingHard = `{
  await using stuck = { [Symbol.asyncDispose]: () => { console.log("end"); return new Promise(() => {}) } }
  console.log("go")
  await new Promise(() => {})
}`

async function running(bench: ExecutorBench, code: string): Promise<string> {
  const executionId = await bench.start(code)
  await bench.until('the cell to run', () => bench.printed(executionId).startsWith('go'))
  return executionId
}

/** For an executor of which three cells are asked at once. */
export function concurrencyCases(open: OpenBench, { preemptive }: ExecutorAbilities): void {
  it('runs three cells at once, each with its own output and end', async () => {
    const bench = await open()
    const names = ['a', 'b', 'c']
    const ids: string[] = []
    for (const name of names) ids.push(await bench.start(printing(name)))
    for (const [index, id] of ids.entries()) {
      expect(await bench.terminal(id)).toMatchObject({ type: 'result', text: `'${names[index]}'` })
      expect(bench.printed(id)).toBe(printed(names[index] ?? ''))
      expect(bench.of(id).filter(isTerminal)).toHaveLength(1)
      expect(isTerminal(bench.of(id).at(-1) ?? fail())).toBe(true)
    }
    const order = bench.messages.map(({ executionId }) => executionId)
    expect(order.indexOf(ids[2])).toBeLessThan(order.lastIndexOf(ids[0]))
  })

  it('refuses the fourth, and takes it when one has ended', async () => {
    const bench = await open()
    const ids = [await running(bench, waiting), await running(bench, waiting), await running(bench, waiting)]
    await expect((async () => bench.start('4'))()).rejects.toMatchObject({ code: 'EXECUTOR_BUSY' })
    bench.cancel(ids[1] ?? '', 'cancelled', patientMs)
    expect(await bench.terminal(ids[1] ?? '')).toMatchObject({ status: 'cancelled', rung: 1 })
    expect(await bench.text('5')).toBe('5')
  })

  it('shares one namespace, as it is at each moment', async () => {
    const bench = await open()
    const first = await bench.start('let n = 1; const gate = Promise.withResolvers(); await gate.promise; n')
    expect(await bench.text('n += 40')).toBe('41')
    expect(await bench.text('n++; gate.resolve(); n')).toBe('42')
    expect(await bench.terminal(first)).toMatchObject({ text: '42' })
  })

  it('brings each answer to the cell that asked, whatever the prompts', async () => {
    const bench = await open()
    const ids = [await bench.start('await input("name? ")'), await bench.start('await input("name? ")')]
    const requests = [await bench.inputRequest(ids[0] ?? ''), await bench.inputRequest(ids[1] ?? '')]
    bench.answer(requests[1] ?? fail(), { kind: 'text', text: 'second' })
    expect(await bench.terminal(ids[1] ?? '')).toMatchObject({ text: "'second'" })
    // an id that goes with another execution answers nothing
    bench.answer({ ...(requests[0] ?? fail()), executionId: ids[1] ?? '' }, { kind: 'text', text: 'wrong' })
    bench.answer(requests[0] ?? fail(), { kind: 'text', text: 'first' })
    expect(await bench.terminal(ids[0] ?? '')).toMatchObject({ text: "'first'" })
  })

  it('refuses a prompt() that would block the others', async () => {
    const bench = await open()
    expect(await bench.run('prompt("?")')).toMatchObject({ error: { code: 'SYNC_INPUT_UNAVAILABLE' } })
  })

  it('tells late output and late errors under the cell that caused them', async () => {
    const bench = await open()
    const first = await bench.start(
      'const late = Promise.withResolvers(); void late.promise.then(() => { console.log("late"); throw new Error("boom") }); 1',
    )
    await bench.terminal(first)
    const other = await running(bench, waiting)
    expect(await bench.text('late.resolve(); 2')).toBe('2')
    await bench.until('the late error', () => bench.of(first).length === 3)
    expect(bench.of(first).slice(1)).toMatchObject([
      { type: 'output', text: 'late\n', late: true },
      { type: 'error', terminal: false, late: true, error: { message: 'boom' } },
    ])
    expect(bench.of(other)).toHaveLength(1)
  })

  it('interrupts all that runs', async () => {
    const bench = await open()
    const ids = [await running(bench, waiting), await running(bench, waiting)]
    bench.executor.interrupt({ type: 'interrupt', cooperativeMs: patientMs })
    for (const id of ids) expect(await bench.terminal(id)).toMatchObject({ status: 'cancelled', rung: 1 })
    expect(await bench.text('1')).toBe('1')
  })

  describe.skipIf(!preemptive)('cancel where one cell is in the way of another', () => {
    it('ends the one that loops, and tells those beside it that they were interrupted', async () => {
      const bench = await open()
      const waits = await running(bench, 'const kept = 1; console.log("go"); await new Promise(() => {})')
      const sleeps = await running(
        bench,
        'capsule.signal.addEventListener("abort", () => console.log("aborted")); console.log("go"); try { await new Promise((go) => setTimeout(go, 1e9)) } finally { console.log("finally") }',
      )
      const loops = await running(bench, 'console.log("go"); for (;;) {}')
      bench.cancel(loops)
      expect(await bench.terminal(loops)).toMatchObject({ status: 'cancelled', rung: 2, tainted: true })
      for (const id of [waits, sleeps]) {
        expect(await bench.terminal(id)).toMatchObject({
          status: 'error',
          tainted: true,
          error: { code: 'EXECUTION_INTERRUPTED', message: expect.stringContaining(loops) },
        })
      }
      expect(await bench.text('kept')).toBe('1')
      expect(bench.messages.filter(isTerminal)).toHaveLength(4)
      // its own code still cleans up, under its own id
      await bench.until('the end of the clean-up', () => bench.printed(sleeps).split('\n').length === 4)
      expect(bench.printed(sleeps).split('\n').toSorted()).toEqual(['', 'aborted', 'finally', 'go'])
      // in one message or in two
      expect(
        new Set(
          bench
            .of(sleeps)
            .slice(2)
            .map((message) => 'late' in message && message.late),
        ),
      ).toEqual(new Set([true]))
    })

    it('ends one that another keeps from hearing of it, and that other, cancelled or not', async () => {
      const bench = await open()
      const waits = await running(bench, waiting)
      const loops = await running(bench, 'console.log("go"); for (;;) await null')
      bench.cancel(waits)
      // by itself, if it hears of the cancel first once the thread is free
      expect(await bench.terminal(waits)).toMatchObject({ status: 'cancelled' })
      expect(await bench.terminal(loops)).toMatchObject({ error: { code: 'EXECUTION_INTERRUPTED' } })
      const more = [await running(bench, waiting), await running(bench, 'console.log("go"); for (;;) {}')]
      for (const id of more) bench.cancel(id)
      for (const id of more) expect(await bench.terminal(id)).toMatchObject({ status: 'cancelled' })
    })

    it('drops one that has not started, and leaves alone the one that loops', async () => {
      const bench = await open()
      const loops = await running(bench, 'console.log("go"); for (;;) {}')
      const next = await bench.start('console.log("never")')
      bench.cancel(next)
      expect(await bench.terminal(next)).toMatchObject({ status: 'cancelled', rung: 0 })
      bench.cancel(loops)
      expect(await bench.terminal(loops)).toMatchObject({ status: 'cancelled', rung: 2 })
      expect(await bench.text('1')).toBe('1')
      expect(bench.of(next)).toHaveLength(1)
    })

    it('starts what was accepted behind the one that is terminated', async () => {
      const bench = await open()
      const loops = await running(bench, 'console.log("go"); for (;;) {}')
      const next = await bench.start('"next"')
      bench.cancel(loops)
      expect(await bench.terminal(loops)).toMatchObject({ status: 'cancelled', rung: 2 })
      expect(await bench.terminal(next)).toMatchObject({ type: 'result', text: "'next'" })
    })

    it('leaves one behind that ends nowhere, as long as the thread answers, and the others go on', async () => {
      const bench = await open()
      const other = await running(bench, 'const more = Promise.withResolvers(); console.log("go"); await more.promise')
      const stuck = await running(bench, leavingHard)
      bench.cancel(stuck, 'cancelled', 500)
      const end = await bench.terminal(stuck)
      expect(end).toMatchObject({ status: 'cancelled', rung: 1 })
      expect(end).not.toHaveProperty('tainted')
      expect(await bench.text('more.resolve("unharmed"); 1')).toBe('1')
      expect(await bench.terminal(other)).toMatchObject({ type: 'result', text: "'unharmed'" })
    })
  })
}

function fail(): never {
  throw new Error('there is none')
}

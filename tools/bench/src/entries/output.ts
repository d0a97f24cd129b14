import { once } from 'node:events'
import type { BenchEntry, Measurement } from '../bench.ts'
import { memoryMb, startChild } from '../child.ts'
import {
  type ExecutorName,
  executorNames,
  openSession,
  type Session,
  type SessionOptions,
} from '../contenders/capsule.ts'
import { alternate } from '../rounds.ts'
import { median } from '../statistics.ts'

interface Printer extends AsyncDisposable {
  readonly name: string
  readonly title: string
  readonly unit: string
  /** Prints that many lines (or messages); resolves when the host has read the last. */
  print(lines: number): Promise<void>
}

const lineBytes = 21

async function read(session: Session, code: string, expected: number): Promise<void> {
  const execution = session.execute(code)
  let received = 0
  for await (const event of execution) if (event.type === 'output') received += event.text.length
  const { status } = await execution.outcome
  if (status !== 'ok' || received !== expected) throw new Error(`${status}: ${received} of ${expected} characters came`)
}

async function openPrinter(
  name: string,
  title: string,
  unit: string,
  executor: ExecutorName,
  bytes: number,
  options: SessionOptions,
): Promise<Printer & { pid: number }> {
  const open = await openSession(executor, options)
  const line = 'x'.repeat(bytes - 1)
  return {
    name,
    title,
    unit,
    pid: open.session.info().worker!.pid,
    print: (lines) =>
      read(open.session, `for (let i = ${lines}; i > 0; i--) console.log(${JSON.stringify(line)})`, lines * bytes),
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}

const plainChild: Printer = {
  name: 'plain child',
  title: 'plain child, console.log',
  unit: 'lines per s',
  async print(lines) {
    await using child = startChild('plain-output.mjs', [String(lines)])
    let received = 0
    child.output.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received >= lines * lineBytes) child.output.destroy()
    })
    await once(child.output, 'close')
  },
  async [Symbol.asyncDispose]() {
    // each run has a child of its own
  },
}

/** How fast a loop of console.log reaches the host's loop over the execution, and what that does to the worker's memory. */
export const output: BenchEntry = {
  name: 'output',
  async run({ isQuick }) {
    const lines = isQuick ? 30_000 : 300_000
    const rounds = isQuick ? 2 : 5
    await using stack = new AsyncDisposableStack()
    const ours: (Printer & { pid: number })[] = []
    for (const executor of executorNames) {
      ours.push(
        await openPrinter(
          `${executor}/lines`,
          `capsule ${executor}, lines of 20 characters`,
          'lines per s',
          executor,
          lineBytes,
          {},
        ),
        // One message holds at most one of these lines: what validation costs shows.
        await openPrinter(
          `${executor}/messages`,
          `capsule ${executor}, one message of 200 characters per line`,
          'messages per s',
          executor,
          200,
          {
            settings: { outputChunkBytes: 200 },
          },
        ),
      )
    }
    for (const printer of ours) stack.use(printer)
    for (const printer of ours) await printer.print(Math.floor(lines / 10))
    const before = new Map(ours.map(({ name, pid }) => [name, memoryMb(pid).residentMb]))
    const rates = await alternate([plainChild, ...ours], rounds, async (printer) => {
      const startedMs = performance.now()
      await printer.print(lines)
      return [lines / ((performance.now() - startedMs) / 1000)]
    })
    const speeds = [plainChild, ...ours].map(({ name, title, unit }): Measurement => ({
      id: `output/${name}/rate`,
      title: `output: ${title}`,
      value: median(rates.get(name)!),
      unit,
      samples: rounds,
    }))
    const growth = ours.map(({ name, title, pid }): Measurement => ({
      id: `output/${name}/growth`,
      title: `output: ${title}, growth of the worker (RSS)`,
      value: memoryMb(pid).residentMb - before.get(name)!,
      unit: 'MB',
      samples: 1,
    }))
    return [...speeds, ...growth]
  },
}

import { once } from 'node:events'
import type { BenchEntry, Measurement } from '../bench.ts'
import { memoryMb, startChild } from '../child.ts'
import { type ExecutorName, executorNames, openSession } from '../contenders/capsule.ts'
import { alternate, ratioOf, timeMs } from '../rounds.ts'
import { median } from '../statistics.ts'

/** Moves that many bytes, and resolves when the reader has the last. */
interface Mover extends AsyncDisposable {
  readonly name: string
  readonly pid: number
  send(bytes: number): Promise<void>
  receive(bytes: number): Promise<void>
}

const megabyte = 1024 * 1024
const chunk = new Uint8Array(megabyte)
const baseline = 'bare pipe'

function openPipe(): Mover {
  const child = startChild('pipe.mjs')
  const { input, output } = child
  let received = 0
  let wanted = 0
  let isThere = (): void => {}
  output.on('data', (data: Buffer) => {
    received += data.length
    if (received >= wanted) isThere()
  })
  const receivedAll = (bytes: number): Promise<void> => {
    received = 0
    wanted = bytes
    return new Promise((resolve) => (isThere = resolve))
  }
  return {
    name: baseline,
    pid: child.pid,
    async send(bytes) {
      const answered = receivedAll(1)
      input.write(`${bytes}\n`)
      for (let rest = bytes; rest > 0; rest -= megabyte) {
        if (!input.write(rest < megabyte ? chunk.subarray(0, rest) : chunk)) await once(input, 'drain')
      }
      await answered
    },
    async receive(bytes) {
      const all = receivedAll(bytes)
      input.write(`${-bytes}\n`)
      await all
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

async function openStream(executor: ExecutorName): Promise<Mover> {
  const open = await openSession(executor)
  const { session } = open
  const channel = session.stream('bench')
  const run = async (code: string): Promise<void> => {
    const { status, error } = await session.execute(code).outcome
    if (status !== 'ok') throw new Error(`${status}: ${error?.message ?? ''}`)
  }
  await run(`const channel = capsule.stream('bench'); const chunk = new Uint8Array(${megabyte})
async function take(rest) { while (rest > 0) rest -= (await channel.read()).value.length }
async function give(rest) { for (; rest > 0; rest -= chunk.length) await channel.write(rest < chunk.length ? chunk.subarray(0, rest) : chunk) }`)
  return {
    name: `capsule ${executor}`,
    pid: session.info().worker!.pid,
    async send(bytes) {
      const taken = run(`await take(${bytes})`)
      for (let rest = bytes; rest > 0; rest -= megabyte) {
        await channel.write(rest < megabyte ? chunk.subarray(0, rest) : chunk)
      }
      await taken
    },
    async receive(bytes) {
      const given = run(`await give(${bytes})`)
      for (let rest = bytes; rest > 0;) rest -= ((await channel.read()).value as Uint8Array).length
      await given
    },
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}

/** Bulk through a channel, both ways, beside a pipe between two Node processes, and what that does to memory. */
export const streams: BenchEntry = {
  name: 'streams',
  async run({ isQuick }) {
    const bytes = isQuick ? 20_000_000 : 100_000_000
    const rounds = isQuick ? 2 : 7
    await using stack = new AsyncDisposableStack()
    const movers: Mover[] = [stack.use(openPipe())]
    for (const executor of executorNames) movers.push(stack.use(await openStream(executor)))
    const measurements: Measurement[] = []
    for (const direction of ['send', 'receive'] as const) {
      const title = direction === 'send' ? 'host to cell' : 'cell to host'
      for (const mover of movers) await mover[direction](bytes / 4)
      const before = new Map(movers.map(({ name, pid }) => [name, memoryMb(pid).residentMb]))
      const hostBefore = memoryMb(process.pid).residentMb
      const rates = await alternate(movers, rounds, async (mover) => [
        bytes / 1e6 / ((await timeMs(() => mover[direction](bytes))) / 1000),
      ])
      for (const { name, pid } of movers) {
        const id = `streams/${name}/${direction}`
        const value = median(rates.get(name)!)
        measurements.push({ id: `${id}/rate`, title: `${title}: ${name}`, value, unit: 'MB per s', samples: rounds })
        measurements.push({
          id: `${id}/growth`,
          title: `${title}: ${name}, growth of the child (RSS) over ${(bytes * rounds) / 1e6} MB`,
          value: memoryMb(pid).residentMb - before.get(name)!,
          unit: 'MB',
          samples: 1,
        })
        if (name === baseline) continue
        measurements.push({
          id: `${id}/ratio`,
          title: `${title}: ${name} / ${baseline}`,
          value: ratioOf(rates, name, baseline),
          unit: 'x',
          samples: rounds,
        })
      }
      measurements.push({
        id: `streams/host/${direction}/growth`,
        title: `${title}: growth of the host (RSS), all together`,
        value: memoryMb(process.pid).residentMb - hostBefore,
        unit: 'MB',
        samples: 1,
      })
    }
    return measurements
  },
}

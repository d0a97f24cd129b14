import { CapsuleError } from '@capsule/core'
import { type Bench, demand, detailsOf } from './bench.ts'
import { type CheckDefinition, withSample } from './checks.ts'
import type { CapabilitySamples } from './provider-contract.ts'

export function bodyChecks(name: string, { valid, streamed }: CapabilitySamples): readonly CheckDefinition[] {
  const hasBody = valid.some((sample) => detailsOf(sample).body !== undefined)
  return [
    ...withSample(
      streamed !== undefined,
      {
        name: `${name}: its bodies end when they are left, cancelled or never read`,
        skipped: 'no `streamed` call',
        isVacuous: (bench) => bench.capability(name).returns === 'value',
      },
      [
        { name: `${name}: a body ends when it is left early`, run: (bench) => checkLeft(bench, name) },
        { name: `${name}: a body ends when its call is cancelled`, run: (bench) => checkCancelled(bench, name) },
        { name: `${name}: a body that nobody reads can be left`, run: (bench) => checkUnread(bench, name) },
      ],
    ),
    ...withSample(
      hasBody,
      {
        name: `${name}: notices what becomes of a streamed body`,
        skipped: 'no `valid` call with a `body`',
        isVacuous: (bench) => bench.capability(name).bodyField === undefined,
      },
      [
        { name: `${name}: refuses a streamed body beyond its limit`, run: (bench) => checkEndless(bench, name) },
        { name: `${name}: fails when a streamed body breaks off`, run: (bench) => checkBroken(bench, name) },
        {
          name: `${name}: ends when it is cancelled while it waits for a streamed body`,
          run: (bench) => checkStalled(bench, name),
        },
      ],
    ),
  ]
}

/** Runs the streamed call, and gives its iterator away with one chunk read. */
async function readFirst(
  bench: Bench,
  name: string,
  signal: AbortSignal | undefined,
  go: (iterator: AsyncIterator<unknown>) => Promise<void>,
): Promise<void> {
  let isReached = false
  const readBody = async (body: AsyncIterable<unknown>): Promise<[]> => {
    isReached = true
    const iterator = body[Symbol.asyncIterator]()
    const { done } = await iterator.next()
    demand(done !== true, `calls.${name}.streamed: its body must have at least two chunks, and has none`)
    await go(iterator)
    return []
  }
  // kept apart from what the call makes of it: a failed demand must be seen as one
  let failure: unknown
  const reading = async (body: AsyncIterable<unknown>): Promise<readonly unknown[]> =>
    readBody(body).catch((error: unknown) => {
      failure = error
      return []
    })
  const { error } = await bench.finish(name, bench.samplesOf(name).streamed!, { signal }, { readBody: reading })
  if (failure !== undefined) throw failure
  if (!isReached && error !== undefined) bench.checkError(error, `calls.${name}.streamed`)
  demand(isReached, `calls.${name}.streamed: its reply must have a body (${String(error ?? 'it has none')})`)
}

async function checkLeft(bench: Bench, name: string): Promise<void> {
  await readFirst(bench, name, undefined, async (iterator) => {
    demand(
      typeof iterator.return === 'function',
      'the iterator of the body needs `return`: it is how a cell that is cancelled leaves it',
    )
    await bench.settles(Promise.resolve(iterator.return()), '`return` of a body that is left early must settle')
    const { done } = await bench.settles(iterator.next(), 'a body that was left must answer `next`')
    demand(done === true, 'a body that was left must be at its end, and goes on')
  })
}

async function checkCancelled(bench: Bench, name: string): Promise<void> {
  const controller = new AbortController()
  await readFirst(bench, name, controller.signal, async (iterator) => {
    // a `next` is under way when the signal aborts: this is where a body hangs
    const waiting = iterator.next()
    controller.abort()
    const ended = (async () => {
      for (let next = await waiting; next.done !== true; next = await iterator.next())
        await new Promise((resume) => setImmediate(resume))
    })().catch(() => {})
    // the reader of a broker leaves it too
    await bench
      .settles(ended, 'a body must end, or fail, soon after `context.signal` aborts')
      .finally(() => void iterator.return?.())
  })
}

async function checkUnread(bench: Bench, name: string): Promise<void> {
  let left: Promise<unknown> | undefined
  const readBody = async (body: AsyncIterable<unknown>): Promise<[]> => {
    left = Promise.resolve(body[Symbol.asyncIterator]().return?.())
    await left.catch(() => {})
    return []
  }
  const { error } = await bench.finish(name, bench.samplesOf(name).streamed!, {}, { readBody })
  if (error !== undefined) bench.checkError(error, `calls.${name}.streamed`)
  demand(left !== undefined, `calls.${name}.streamed: its reply must have a body`)
  await bench.settles(left, 'a body that was never read must be left without an error')
}

/** The valid calls that stream, with another body. */
function withBody(bench: Bench, name: string, body: () => AsyncIterable<Uint8Array>) {
  const { valid } = bench.samplesOf(name)
  return valid
    .filter((sample) => detailsOf(sample).body !== undefined)
    .map((sample) => ({ ...detailsOf(sample), body }))
}

async function checkEndless(bench: Bench, name: string): Promise<void> {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      yield new Uint8Array(64 * 1024)
      await new Promise((resume) => setImmediate(resume))
    }
  }
  for (const sample of withBody(bench, name, endless)) {
    const { error } = await bench.finish(name, sample, { limits: { inputBytes: 256 * 1024 } })
    demand(error !== undefined, `${name}: takes a body without end for a whole one`)
    bench.checkError(error, `${name} with a body without end`)
    demand(error.code !== 'CAPABILITY_TIMED_OUT', `${name}: goes on although its body has failed`)
  }
}

async function checkBroken(bench: Bench, name: string): Promise<void> {
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10)
    throw new CapsuleError('STREAM_FAILED', 'the cell failed its stream', {})
  }
  for (const sample of withBody(bench, name, broken)) {
    const { error } = await bench.finish(name, sample)
    demand(error !== undefined, `${name}: takes a body that broke off for a whole one`)
    bench.checkError(error, `${name} with a body that breaks off`, ['STREAM_FAILED'])
  }
}

async function checkStalled(bench: Bench, name: string): Promise<void> {
  const { promise: isWaiting, resolve } = Promise.withResolvers<void>()
  const stalled = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10)
    resolve()
    await new Promise(() => {})
  }
  for (const sample of withBody(bench, name, stalled)) {
    const controller = new AbortController()
    const running = bench.finish(name, sample, { signal: controller.signal })
    await bench.settles(Promise.race([isWaiting, running]), `${name}: must read its streamed body`)
    controller.abort()
    const { error } = await running
    demand(
      error?.code === 'CANCELLED',
      `${name}: must wait for its streamed body, and ends with ${String(error ?? 'an answer')}`,
    )
  }
}

import type { CapsuleError } from '@capsule/core'
import { argumentsOf, type Bench, demand, detailsOf, type Outcome } from './bench.ts'
import { type CheckDefinition, withSample } from './checks.ts'
import type { CapabilitySamples } from './provider-contract.ts'

// unit: milliseconds until the deadline of a slow call
const shortMs = 50

export function callChecks(name: string, { refused, slow, large }: CapabilitySamples): readonly CheckDefinition[] {
  return [
    { name: `${name}: answers its valid calls`, run: (bench) => checkValid(bench, name) },
    { name: `${name}: takes a call again`, run: (bench) => checkRetries(bench, name) },
    { name: `${name}: takes its valid calls all at once`, run: (bench) => checkConcurrent(bench, name) },
    {
      name: `${name}: refuses with codes of its table`,
      skipped: refused === undefined ? 'no `refused` calls' : undefined,
      run: (bench) => checkRefused(bench, name),
    },
    {
      name: `${name}: ends when its signal has aborted before it begins`,
      run: (bench) => checkAbortedFirst(bench, name),
    },
    ...withSample(
      slow !== undefined,
      { name: `${name}: a slow call ends when it is told to`, skipped: 'no `slow` call' },
      [
        { name: `${name}: a slow call ends when it is cancelled`, run: (bench) => checkCancelled(bench, name) },
        { name: `${name}: a slow call ends at its deadline`, run: (bench) => checkDeadline(bench, name) },
      ],
    ),
    {
      name: `${name}: a large answer ends in an error with a code`,
      skipped: large === undefined ? 'no `large` call' : undefined,
      run: (bench) => checkLarge(bench, name),
    },
  ]
}

/** Fails the check with what the call failed with. */
function demandAnswer(bench: Bench, what: string, { answer, error }: Outcome): void {
  if (error !== undefined) bench.checkError(error, what)
  demand(answer !== undefined, `${what}: must be answered, and fails with ${String(error)}`)
}

async function checkValid(bench: Bench, name: string): Promise<void> {
  const { effect, returns } = bench.capability(name)
  for (const [index, sample] of bench.samplesOf(name).valid.entries()) {
    const outcome = await bench.finish(name, sample)
    demandAnswer(bench, `calls.${name}.valid[${index}]`, outcome)
    const { annotations } = outcome.call.trace
    const isPlain = Object.values(annotations).every((fact) => ['string', 'number', 'boolean'].includes(typeof fact))
    demand(isPlain, `${name} (${effect}): annotations must be strings, numbers and booleans`)
    if (returns === 'response') demandResponse(name, outcome.answer?.value)
  }
}

function demandResponse(name: string, value: unknown): void {
  const { status, statusText, url, redirected, headers } = (value ?? {}) as Record<string, unknown>
  const areTyped =
    Number.isInteger(status) &&
    typeof statusText === 'string' &&
    typeof url === 'string' &&
    typeof redirected === 'boolean'
  const isPair = (header: unknown): boolean =>
    Array.isArray(header) && header.length === 2 && header.every((part) => typeof part === 'string')
  const isResponse = areTyped && Array.isArray(headers) && headers.every(isPair)
  demand(
    isResponse,
    `${name}: \`returns: 'response'\` needs the value { status, statusText, url, redirected, headers: [name, value][] }`,
  )
}

async function checkRetries(bench: Bench, name: string): Promise<void> {
  for (const [index, sample] of bench.samplesOf(name).valid.entries())
    for (const attempt of ['first', 'second', 'third']) {
      // as after a lost answer: the same call, with the same key or without one
      const key = attempt === 'third' ? {} : { idempotencyKey: `key-${index}` }
      const { error } = await bench.finish(name, sample, key)
      if (error !== undefined) bench.checkError(error, `the ${attempt} time of calls.${name}.valid[${index}]`)
    }
}

async function checkConcurrent(bench: Bench, name: string): Promise<void> {
  const { valid } = bench.samplesOf(name)
  const count = Math.max(1, Math.min(8, bench.capability(name).limits.concurrent))
  const samples = Array.from({ length: count }, (_, index) => valid[index % valid.length]!)
  const outcomes = await Promise.all(samples.map((sample) => bench.finish(name, sample)))
  for (const { error } of outcomes) if (error !== undefined) bench.checkError(error, `${name}, ${count} calls at once`)
}

async function checkRefused(bench: Bench, name: string): Promise<void> {
  for (const [index, sample] of bench.samplesOf(name).refused!.entries()) {
    const what = `calls.${name}.refused[${index}]`
    const { error } = await bench.finish(name, sample)
    demand(error !== undefined, `${what}: must be refused with ${sample.code}, and is answered`)
    bench.checkError(error, what)
    const { code } = error
    demand(
      code === sample.code,
      `${what}: must be refused with ${sample.code}, and fails with ${String(error)} (${code})`,
    )
  }
}

async function checkAbortedFirst(bench: Bench, name: string): Promise<void> {
  const { valid, slow } = bench.samplesOf(name)
  for (const sample of [...valid, ...(slow === undefined ? [] : [slow])]) {
    const { call, error } = await bench.finish(name, sample, {}, { isAbortedFirst: true })
    demand(
      call.trace.isInvoked,
      `calls.${name}: ${String(argumentsOf(detailsOf(sample).args))} never reaches the handler (${String(error)})`,
    )
  }
}

async function checkCancelled(bench: Bench, name: string): Promise<void> {
  // within the turn of the call, a turn later, and once it may wait for something
  for (const turns of [0, 1, 20]) {
    const controller = new AbortController()
    const running = bench.finish(name, bench.samplesOf(name).slow!, { signal: controller.signal })
    for (let turn = 0; turn < turns; turn++) await new Promise((resume) => setImmediate(resume))
    controller.abort(new Error('the contract cancels'))
    const { error } = await running
    demandSlow(name, error, 'CANCELLED')
  }
}

async function checkDeadline(bench: Bench, name: string): Promise<void> {
  const { error } = await bench.finish(name, bench.samplesOf(name).slow!, { timeoutMs: shortMs })
  demandSlow(name, error, 'CAPABILITY_TIMED_OUT')
}

function demandSlow(name: string, error: CapsuleError | undefined, code: string): void {
  const ending = error === undefined ? 'is answered' : `fails with ${String(error)}`
  demand(error?.code === code, `calls.${name}.slow: must go on until its signal aborts, and ${ending}`)
}

async function checkLarge(bench: Bench, name: string): Promise<void> {
  const { error } = await bench.finish(name, bench.samplesOf(name).large!)
  const what = `calls.${name}.large`
  demand(error !== undefined, `${what}: must be more than limits.outputBytes, and is answered whole`)
  bench.checkError(error, what)
  const isLate = error.code === 'CAPABILITY_TIMED_OUT'
  demand(!isLate, `${what}: must end at a limit of bytes, and goes on until the time is up`)
}

import { type Bench, demand } from './bench.ts'
import type { CheckDefinition } from './checks.ts'
import type { ProviderContractOptions } from './provider-contract.ts'

export function disposeChecks({ countHeld }: ProviderContractOptions): readonly CheckDefinition[] {
  return [
    { name: 'is disposed of, also without a call and twice', run: checkTwice },
    {
      name: 'holds nothing once it is disposed of, whatever became of its calls',
      skipped: countHeld === undefined ? 'no `countHeld`' : undefined,
      run: checkHeld,
    },
  ]
}

async function checkTwice(bench: Bench): Promise<void> {
  for (const time of ['the first', 'the second'])
    await bench.settles(bench.provider[Symbol.asyncDispose](), `[Symbol.asyncDispose]() must settle ${time} time`)
}

async function checkHeld(bench: Bench): Promise<void> {
  const { calls, countHeld } = bench.options
  for (const [name, { valid, refused = [], slow, streamed }] of Object.entries(calls)) {
    for (const sample of [...valid, ...refused]) await bench.finish(name, sample)
    for (const sample of valid) await bench.finish(name, sample, {}, { isAbortedFirst: true })
    if (slow !== undefined) await bench.finish(name, slow, { timeoutMs: 50 })
    for (const maxChunks of [0, 1]) if (streamed !== undefined) await bench.finish(name, streamed, { maxChunks })
  }
  await bench.settles(bench.provider[Symbol.asyncDispose](), '[Symbol.asyncDispose]() must settle')
  const held = await countHeld!()
  demand(
    held === 0,
    `${held} things are still open after [Symbol.asyncDispose](): a call, a body that was left or an abort leaves something behind`,
  )
}

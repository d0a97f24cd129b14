import { inspect } from 'node:util'
import type { Capability, Checked } from '@capsule/core'
import { argumentsOf, type Bench, demand, detailsOf } from './bench.ts'
import type { CheckDefinition } from './checks.ts'
import { isOneLine } from './definition-checks.ts'
import { hostileValues, randomJunk } from './hostile-values.ts'
import { hostileInputs, propertiesOf, wrongInputs } from './input-mutations.ts'
import type { CapabilitySamples } from './provider-contract.ts'

// unit: calls; each of them runs the handler
const maxHostileCalls = 400
// unit: milliseconds of one of them
const hostileCallMs = 1000
// unit: characters
const longestDescription = 500
// unit: problems of one check, characters of one problem
const problemsBounds = { count: 100, length: 1000 }

export function argumentChecks(name: string, { isSafeToFuzz = true }: CapabilitySamples): readonly CheckDefinition[] {
  return [
    { name: `${name}: checks any value without throwing`, run: (bench) => checkAnyValue(bench, name) },
    {
      name: `${name}: refuses what its JSON schema refuses, and its handler never sees it`,
      run: (bench) => checkWrongInputs(bench, name),
    },
    {
      name: `${name}: checks an input without changing it, and alike each time`,
      run: (bench) => checkPurity(bench, name),
    },
    { name: `${name}: describes its calls in one line`, run: (bench) => checkDescriptions(bench, name) },
    {
      name: `${name}: hostile arguments that it admits end in an answer or an error with a code`,
      skipped: isSafeToFuzz ? undefined : '`isSafeToFuzz` is false',
      run: (bench) => checkHostileCalls(bench, name),
    },
  ]
}

function checkAnyValue(bench: Bench, name: string): void {
  const capability = bench.capability(name)
  const fields = [
    ...Object.keys(propertiesOf(capability.inputSchema)),
    ...capability.positional,
    '__proto__',
    'constructor',
    'x',
  ]
  const junk = Array.from({ length: 200 }, (_, seed) => ({
    label: `junk of seed ${seed}`,
    value: randomJunk(seed, fields),
  }))
  for (const { label, value } of [...hostileValues(), ...junk]) {
    checked(capability, 'checkInput', value, label)
    checked(capability, 'checkOutput', value, label)
  }
  demand(!('polluted' in {}), 'checkInput or checkOutput changed Object.prototype')
}

/** Calls one of the two checks and looks at the shape of its answer. */
function checked(capability: Capability, check: 'checkInput' | 'checkOutput', value: unknown, label: string): Checked {
  let result: Checked
  try {
    result = capability[check](value)
  } catch (error) {
    demand(false, `${check} throws for ${label}: ${String(error)}; it must answer { isValid: false, problems }`)
  }
  demand(
    typeof result?.isValid === 'boolean',
    `${check} must answer { isValid, ... } at once, for ${label} too (no promise)`,
  )
  if (result.isValid) return result
  const { problems } = result
  const areTexts = Array.isArray(problems) && problems.every((problem) => typeof problem === 'string' && problem !== '')
  demand(areTexts && problems.length > 0, `${check} must name at least one problem for ${label}`)
  const areBounded =
    problems.length <= problemsBounds.count && problems.every(({ length }) => length <= problemsBounds.length)
  demand(
    areBounded,
    `${check} must name at most ${problemsBounds.count} problems of ${problemsBounds.length} characters, also for ${label}`,
  )
  return result
}

async function checkWrongInputs(bench: Bench, name: string): Promise<void> {
  const capability = bench.capability(name)
  for (const sample of bench.samplesOf(name).valid)
    for (const { label, input } of wrongInputs(capability.inputSchema, bench.inputOf(name, sample))) {
      const { isValid } = checked(capability, 'checkInput', input, label)
      demand(!isValid, `checkInput takes an input with ${label}, which its own inputSchema does not allow`)
      if (typeof input !== 'object' || input === null || Array.isArray(input)) continue
      const { call, error } = await bench.finish(name, bench.callOf(name, sample, input), { timeoutMs: hostileCallMs })
      demand(!call.trace.isInvoked && error !== undefined, `the handler was called with ${label}`)
    }
}

function checkPurity(bench: Bench, name: string): void {
  const capability = bench.capability(name)
  for (const sample of bench.samplesOf(name).valid) {
    const [first, second] = [bench.inputOf(name, sample), bench.inputOf(name, sample)]
    const shown = show(first)
    const results = [
      checked(capability, 'checkInput', first, 'a valid call'),
      checked(capability, 'checkInput', second, 'a valid call'),
    ]
    const problems = results.flatMap((result) => (result.isValid ? [] : result.problems))
    demand(
      problems.length === 0,
      `calls.${name}.valid: ${show(argumentsOf(detailsOf(sample).args))} is refused: ${problems.join('; ')}`,
    )
    demand(show(first) === shown, 'checkInput changes the input it is given')
    demand(show(results[0]) === show(results[1]), 'checkInput gives another result for the same input')
  }
}

async function checkDescriptions(bench: Bench, name: string): Promise<void> {
  const { valid, refused = [], slow, large, streamed } = bench.samplesOf(name)
  const samples = [...valid, ...refused, ...[slow, large, streamed].filter((sample) => sample !== undefined)]
  for (const sample of samples) {
    const result = bench.capability(name).checkInput(bench.inputOf(name, sample))
    if (result.isValid) describe(bench, name, result.value, show(argumentsOf(detailsOf(sample).args)))
  }
  for (const sample of valid)
    for (const { label, input } of hostileInputs(bench.capability(name).inputSchema, bench.inputOf(name, sample))) {
      const result = bench.capability(name).checkInput(input)
      if (result.isValid) describe(bench, name, result.value, label)
    }
}

function describe(bench: Bench, name: string, input: unknown, label: string): void {
  let text: unknown
  try {
    text = bench.capability(name).describeCall(input)
  } catch (error) {
    demand(false, `describeCall throws for ${label}: ${String(error)}`)
  }
  demand(
    isOneLine(text, longestDescription),
    `describeCall must give one line of at most ${longestDescription} characters, also for ${label}`,
  )
}

async function checkHostileCalls(bench: Bench, name: string): Promise<void> {
  const capability = bench.capability(name)
  let calls = 0
  for (const sample of bench.samplesOf(name).valid)
    for (const { label, input } of hostileInputs(capability.inputSchema, bench.inputOf(name, sample))) {
      if (!checked(capability, 'checkInput', input, label).isValid) continue
      if (++calls > maxHostileCalls) return
      const { error } = await bench.finish(name, bench.callOf(name, sample, input), { timeoutMs: hostileCallMs })
      if (error !== undefined) bench.checkError(error, `${name} with ${label}`)
    }
}

function show(value: unknown): string {
  return inspect(value, { depth: 10, breakLength: Infinity, maxStringLength: 100_000 })
}

import { inspect } from 'node:util'
import type { CapsuleError } from '@capsule/core'
import { type Bench, demand } from './bench.ts'
import type { CapabilityCallOptions } from './call-request.ts'
import type { CheckDefinition } from './checks.ts'
import type { CapabilitySamples, ProviderContractOptions } from './provider-contract.ts'

// unit: characters; shorter ones are found everywhere
const shortestSecret = 6

export const secretChecks: readonly CheckDefinition[] = [
  { name: 'tells the contract all its secrets', run: checkDeclared },
]

export function capabilitySecretChecks(
  name: string,
  { secrets = [] }: ProviderContractOptions,
): readonly CheckDefinition[] {
  return [
    {
      name: `${name}: shows no secret in answers, errors, descriptions, annotations and logs`,
      skipped: secrets.length === 0 ? 'no `secrets` to look for' : undefined,
      run: (bench) => checkUnseen(bench, name),
    },
  ]
}

function checkDeclared({ provider, options: { secrets = [] } }: Bench): void {
  for (const [name, get] of Object.entries(provider.secrets)) {
    const secret = get()
    demand(
      secrets.includes(secret),
      `secrets.${name}: its value is not in the \`secrets\` of the contract, which cannot look for it`,
    )
  }
  for (const secret of secrets)
    demand(
      secret.length >= shortestSecret,
      `secrets: needs values of at least ${shortestSecret} characters, to be told from others`,
    )
}

/** A body may have no end. */
const shortened: Readonly<Record<string, CapabilityCallOptions>> = {
  slow: { timeoutMs: 50 },
  streamed: { maxChunks: 2 },
}

async function checkUnseen(bench: Bench, name: string): Promise<void> {
  const {
    options: { secrets = [] },
  } = bench
  const { summary, inputSchema, outputSchema } = bench.capability(name)
  demandUnseen(secrets, `${name}: its definition`, { summary, inputSchema, outputSchema })
  for (const [kind, sample] of samplesOf(bench.samplesOf(name))) {
    const { call, answer, error } = await bench.finish(name, sample, shortened[kind] ?? {})
    const { description, annotations, logs } = call.trace
    const bytes = (answer?.chunks ?? []).filter((chunk) => chunk instanceof Uint8Array)
    const seen = {
      description,
      annotations,
      logs,
      value: answer?.value,
      chunks: answer?.chunks,
      body: Buffer.concat(bytes),
      error: partsOf(error),
    }
    for (const [place, value] of Object.entries(seen))
      demandUnseen(secrets, `calls.${name}.${kind}: its ${place}`, value)
  }
}

function* samplesOf({ valid, refused = [], slow, large, streamed }: CapabilitySamples) {
  for (const [index, sample] of valid.entries()) yield [`valid[${index}]`, sample] as const
  for (const [index, sample] of refused.entries()) yield [`refused[${index}]`, sample] as const
  if (slow !== undefined) yield ['slow', slow] as const
  if (large !== undefined) yield ['large', large] as const
  if (streamed !== undefined) yield ['streamed', streamed] as const
}

/** What crosses to a cell of an error, and what its details show in an audit. */
function partsOf(error: CapsuleError | undefined): unknown {
  return error && { code: error.code, message: error.message, details: error.details }
}

function demandUnseen(secrets: readonly string[], where: string, value: unknown): void {
  const texts = textsOf(value)
  for (const [index, secret] of secrets.entries())
    for (const [form, written] of formsOf(secret))
      demand(!texts.some((text) => text.includes(written)), `${where} shows secrets[${index}]${form}`)
}

/** How a secret may be written, of those that are found without knowing where it starts. */
function formsOf(secret: string): [form: string, written: string][] {
  const bytes = Buffer.from(secret)
  return [
    ['', secret],
    [' as base64', bytes.toString('base64').replaceAll('=', '')],
    [' as base64url', bytes.toString('base64url')],
    [' as hexadecimal', bytes.toString('hex')],
    [' as a part of a URL', encodeURIComponent(secret)],
  ]
}

/** All text in a value; bytes as text. */
function textsOf(value: unknown, seen: Set<object> = new Set()): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  seen.add(value)
  if (value instanceof Uint8Array)
    return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')]
  if (value instanceof Map) return [...value].flatMap((entry) => textsOf(entry, seen))
  if (value instanceof Set) return [...value].flatMap((entry) => textsOf(entry, seen))
  const own = Object.entries(value).flatMap(([key, inner]) => [key, ...textsOf(inner, seen)])
  // an error shows its message, stack and causes where a logger prints it
  return value instanceof Error ? [inspect(value), ...own] : own
}

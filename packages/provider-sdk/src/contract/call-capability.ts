import type { CapabilityProvider } from '@capsule/core'
import type { CapabilityCallOptions } from './call-request.ts'
import { type CallTrace, type CapabilityLogLine, startCapabilityCall } from './capability-call.ts'

export interface CapabilityCallResult<Value> {
  readonly value: Value
  /** Of the body, in order; undefined when the reply has none. */
  readonly chunks: readonly unknown[] | undefined
  /** The body as one. @throws TypeError when a chunk is no bytes */
  bytes(): Uint8Array
  /** The body as UTF-8. */
  text(): string
  readonly annotations: CallTrace['annotations']
  readonly logs: readonly CapabilityLogLine[]
  /** What a person who approves such a call sees. */
  readonly description: string
}

/**
 * Calls a capability as a cell would through the broker of a host, in this process: arguments are mapped, copied and
 * checked, the deadline runs, the answer is checked and its body is read within the limits. `name` is the second half
 * (`read`), `args` are what the cell would pass; a last object may hold `signal`, `timeoutMs` and `idempotencyKey`.
 * @throws CANCELLED, CAPABILITY_TIMED_OUT, what the handler throws, and the errors of a broker
 */
export async function callCapability<Value = unknown>(
  provider: CapabilityProvider,
  name: string,
  args: readonly unknown[] = [],
  options: CapabilityCallOptions = {},
): Promise<CapabilityCallResult<Value>> {
  const { trace, answer } = startCapabilityCall(provider, name, args, options)
  const { value, chunks } = await answer
  const bytes = (): Uint8Array => joined(chunks ?? [])
  return {
    value: value as Value,
    chunks,
    bytes,
    text: () => new TextDecoder().decode(bytes()),
    annotations: trace.annotations,
    logs: trace.logs,
    description: trace.description ?? '',
  }
}

function joined(chunks: readonly unknown[]): Uint8Array {
  const isBytes = (chunk: unknown): chunk is Uint8Array => chunk instanceof Uint8Array
  if (!chunks.every(isBytes)) throw new TypeError('the body holds values that are no bytes: read `chunks`')
  return new Uint8Array(Buffer.concat(chunks))
}

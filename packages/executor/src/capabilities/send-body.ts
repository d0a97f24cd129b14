import { executorErrors } from '../errors.ts'
import type { BodyChannel } from './capability-calls.ts'

// cells share `globalThis` with this code and may replace it
const NativeUint8Array = Uint8Array
const encoder = new TextEncoder()

export interface SentBody {
  readonly channel: BodyChannel
  readonly body: AsyncIterable<unknown>
  readonly capability: string
  /** Told before the host is, so that the cell can get its own error back. */
  readonly onFailed: (error: unknown) => void
}

/** Sends a body as fast as the host takes it. Never rejects: a source that fails fails the host's reading. */
export async function sendBody({ channel, body, capability, onFailed }: SentBody): Promise<void> {
  try {
    // leaving the loop by a refused write lets the source clean up
    for await (const chunk of body) await channel.write(bytesOf(chunk, capability))
    await channel.end()
  } catch (error) {
    onFailed(error)
    await channel.fail(error).catch(() => {})
  }
}

function bytesOf(chunk: unknown, capability: string): Uint8Array {
  if (chunk instanceof NativeUint8Array) return chunk
  if (typeof chunk === 'string') return encoder.encode(chunk)
  throw executorErrors.CAPABILITY_CALL_INVALID({ capability, problem: 'the chunks of a body must be bytes or text' })
}

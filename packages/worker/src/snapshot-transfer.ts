import type { Executor } from '@capsule/executor'
import { type CheckpointMessage, encodeSnapshotFacts, type RestoreAnswer, type RestoreMessage } from '@capsule/protocol'
import type { StreamChannel } from '@capsule/transport'
import { wireErrorOf } from './replacement.ts'

/** Captures the namespace and sends it on its channel. Never rejects: the channel tells what went wrong. */
export async function sendSnapshot(
  channel: StreamChannel,
  executor: Executor,
  { limitBytes }: CheckpointMessage,
): Promise<void> {
  try {
    const { payload, ...facts } = await executor.capture({ limitBytes })
    await channel.write(encodeSnapshotFacts(facts))
    await channel.write(payload)
    await channel.end()
  } catch (error) {
    await channel.fail(error).catch(() => {})
  }
}

/**
 * Takes a snapshot from its channel, restores it and answers. `signal` gives up what has not arrived: an interrupt comes
 * before the rest of it. Never rejects.
 */
export async function takeSnapshot(
  channel: StreamChannel,
  executor: Executor,
  { mode, signal }: Pick<RestoreMessage, 'mode'> & { readonly signal: AbortSignal },
): Promise<void> {
  try {
    const payload = await received(channel, signal)
    const answer = await executor.restore(payload, mode).catch(failed)
    await channel.write(Buffer.from(JSON.stringify(answer)))
    await channel.end()
  } catch (error) {
    // or the host has given up: it knows why
    channel.cancel(error)
    await channel.fail(error).catch(() => {})
  }
}

async function received(channel: StreamChannel, signal: AbortSignal): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for (;;) {
    const { done, value } = await channel.read({ signal })
    if (done === true) return Buffer.concat(pieces)
    pieces.push(value as Uint8Array)
  }
}

function failed(error: unknown): RestoreAnswer {
  return { kind: 'failed', error: wireErrorOf(error) }
}

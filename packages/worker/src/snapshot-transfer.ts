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

/** Takes a snapshot from its channel, restores it and answers. Never rejects. */
export async function takeSnapshot(
  channel: StreamChannel,
  executor: Executor,
  { mode }: RestoreMessage,
): Promise<void> {
  try {
    const pieces: Uint8Array[] = []
    for await (const piece of channel) pieces.push(piece as Uint8Array)
    const answer = await executor.restore(Buffer.concat(pieces), mode).catch(failed)
    await channel.write(Buffer.from(JSON.stringify(answer)))
    await channel.end()
  } catch {
    // the host has given up: it knows why
  }
}

function failed(error: unknown): RestoreAnswer {
  return { kind: 'failed', error: wireErrorOf(error) }
}

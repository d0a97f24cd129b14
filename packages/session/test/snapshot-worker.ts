import {
  defaultLimits,
  encodeSnapshotFacts,
  type HostMessage,
  snapshotStreamName,
  type StreamMessage,
  streamSizes,
} from '@capsule/protocol'
import type { ScriptedProcess, ScriptedWorkerOptions } from '@capsule/session/testing'
import { createStreamHub, type StreamChannel, type StreamHub } from '@capsule/transport'
import { echo } from './open-session.ts'

export interface SnapshotScript {
  readonly onCheckpoint?: (channel: StreamChannel) => unknown
  readonly onRestore?: (channel: StreamChannel, mode: string) => unknown
}

/** A worker that answers cells with their code, and snapshots as the script says. */
export function snapshotWorker({ onCheckpoint, onRestore }: SnapshotScript): ScriptedWorkerOptions {
  const hubs = new Map<ScriptedProcess, StreamHub>()
  const hubOf = (process: ScriptedProcess): StreamHub => {
    let hub = hubs.get(process)
    if (hub === undefined) {
      const send = (message: StreamMessage): boolean => {
        process.send(message)
        return true
      }
      hub = createStreamHub({ side: 'control', sizes: streamSizes(defaultLimits), send })
      hubs.set(process, hub)
    }
    return hub
  }
  return {
    script(message: HostMessage, process: ScriptedProcess) {
      echo.script?.(message, process)
      switch (message.type) {
        case 'stream-open':
        case 'stream-data':
        case 'stream-credit':
        case 'stream-close':
          hubOf(process).receive(message)
          return
        case 'checkpoint':
          return void onCheckpoint?.(hubOf(process).stream(snapshotStreamName(message.requestId)))
        case 'restore':
          return void onRestore?.(hubOf(process).stream(snapshotStreamName(message.requestId)), message.mode)
      }
    },
  }
}

/** Sends a snapshot as a worker does. */
export async function sendSnapshot(channel: StreamChannel, payload: Uint8Array, report: object[] = []): Promise<void> {
  await channel.write(encodeSnapshotFacts({ snapshotVersion: 1, cells: 3, report: report as never }))
  await channel.write(payload)
  await channel.end()
}

export async function readAll(channel: StreamChannel): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of channel) pieces.push(piece as Uint8Array)
  return Buffer.concat(pieces)
}

export async function answer(channel: StreamChannel, value: object): Promise<void> {
  await channel.write(Buffer.from(JSON.stringify(value)))
  await channel.end()
}

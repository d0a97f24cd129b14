import { createCodec, type CodecName, encodeValue } from '@capsule/protocol'
import type { Session } from '@capsule/session'
import { encodeFrame } from '@capsule/transport'

/** The id that the session's next execution will have; a worker can count as well. */
export async function nextExecutionId(session: Session): Promise<string> {
  const { outcome } = await session.run('0')
  return outcome.executionId.replace(/\d+$/, (number) => String(Number(number) + 1))
}

export const framesOf = (session: Session, messages: readonly object[]): Buffer => {
  const codec = createCodec(session.info().worker?.codec as CodecName)
  return Buffer.concat(messages.map((message) => encodeFrame(codec.encode(message as never), Infinity)))
}

/** Code of a cell: it writes where its worker writes its messages. */
export const forging = (bytes: Uint8Array): string => `{
  const fs = require('node:fs')
  const bytes = Buffer.from('${Buffer.from(bytes).toString('base64')}', 'base64')
  for (let at = 0; at < bytes.length; ) {
    try { at += fs.writeSync(4, bytes, at) } catch (error) { if (error.code !== 'EAGAIN') throw error }
  }
};`

/** As a cell's arguments cross. */
export const encodedArguments = (...values: unknown[]): Uint8Array =>
  encodeValue(values, { bytes: 8_000_000, depth: 100 })?.bytes ?? new Uint8Array()

let calls = 0

export const forgedCall = (executionId: string, capability: string, change: object = {}): object => ({
  type: 'capability-request',
  executionId,
  callId: `forged-${calls++}`,
  capability,
  args: encodedArguments('forged'),
  ...change,
})

export const forgedResult = (executionId: string, change: object = {}): object => ({
  type: 'result',
  executionId,
  cell: 1,
  mode: 'simple',
  executor: 'forged',
  durationMs: 1,
  output: { bytes: 0, droppedBytes: 0, droppedChunks: 0 },
  text: "'forged'",
  ...change,
})

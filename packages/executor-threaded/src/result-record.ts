import { Buffer } from 'node:buffer'
import type { OrderedMessage } from '@capsule/executor'

type Result = Extract<OrderedMessage, { type: 'result' }>

// cells may replace these
const { parse, stringify } = JSON
const toBytes = Buffer.from.bind(Buffer) as (text: string) => Buffer

/** How a result travels: without names, and so without the codec's walk over them, as nearly every cell ends with one. */
type Fields = readonly [
  executionId: string,
  cell: number,
  mode: Result['mode'],
  executor: string,
  durationMs: number,
  text: string,
  isTruncated: boolean,
  isTainted: boolean,
]

/** All but `value`, which travels beside it, and the counters, which the control side fills in. */
export function encodeResult(message: Result): Uint8Array {
  const { executionId, cell, mode, executor, durationMs, text, truncated = false, tainted = false } = message
  return toBytes(stringify([executionId, cell, mode, executor, durationMs, text, truncated, tainted] satisfies Fields))
}

/** Every other message is an object. */
export function isResult(json: Uint8Array): boolean {
  return json[0] === 0x5b
}

export function decodeResult(json: Buffer, value: Uint8Array | undefined): Result {
  const fields = parse(json.toString()) as Fields
  const [executionId, cell, mode, executor, durationMs, text, isTruncated, isTainted] = fields
  const result: Result = { type: 'result', executionId, cell, mode, executor, durationMs, text }
  if (value !== undefined) result.value = value
  if (isTruncated) result.truncated = true
  if (isTainted) result.tainted = true
  return result
}

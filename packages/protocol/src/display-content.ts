import { Buffer } from 'node:buffer'
import { scanJson } from './codecs/json-scan.ts'
import { displayLimits } from './display-limits.ts'
import type { DisplayContent, DisplayMessage } from './messages/display.ts'
import type { OutputMessage } from './messages/output.ts'
import type { ProgressMessage } from './messages/progress.ts'

// unit: bytes; so that many small messages do not go for nothing
const messageBytes = 128
const byteLength = Buffer.byteLength.bind(Buffer)
const { keys } = Object
const NativeUint8Array = Uint8Array

/** What a message takes of the output credit: both sides count it alike. */
export function creditedBytes(message: OutputMessage | DisplayMessage | ProgressMessage): number {
  switch (message.type) {
    case 'output':
      return byteLength(message.text)
    case 'progress':
      return messageBytes + byteLength(message.text ?? '')
    case 'display':
      return messageBytes + contentsBytes(message)
  }
}

function contentsBytes({ data, metadata }: DisplayMessage): number {
  let bytes = metadata === undefined ? 0 : byteLength(metadata)
  for (const mime of keys(data)) bytes += mime.length + contentBytes(data[mime] as DisplayContent)
  return bytes
}

function contentBytes(content: DisplayContent): number {
  if (typeof content === 'string') return byteLength(content)
  return content instanceof NativeUint8Array ? content.length : byteLength(content.json)
}

/** Whether a JSON text nests and holds no more than `JSON.parse` may be asked to build. */
export function isBoundedJson(text: string): boolean {
  try {
    scanJson(Buffer.from(text), displayLimits.jsonDepth)
    return true
  } catch {
    return false
  }
}

import type { PassThrough } from 'node:stream'

/** All that was written to the stream and not read yet; from Node 26 on one `read()` gives one chunk only. */
export function writtenText(stream: PassThrough): string {
  let text = ''
  for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) {
    text += chunk.toString()
  }
  return text
}

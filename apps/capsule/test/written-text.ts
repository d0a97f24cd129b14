import type { PassThrough } from 'node:stream'

/** All that was written to the stream and not read yet; from Node 26 on one `read()` gives one chunk only. */
export function writtenText(stream: PassThrough): string {
  let text = ''
  for (let chunk: unknown = stream.read(); chunk !== null; chunk = stream.read()) text += String(chunk)
  return text
}

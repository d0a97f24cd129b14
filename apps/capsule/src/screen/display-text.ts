import type { ExecutionEvent } from '@capsule/session'

type DisplayEvent = Extract<ExecutionEvent, { type: 'display' }>
type ProgressEvent = Extract<ExecutionEvent, { type: 'progress' }>

/** A display on a terminal: its text, or a note of what there is instead; undefined when there is nothing to say. */
export function displayText({ action, data, dropped = [] }: DisplayEvent): string | undefined {
  if (action === 'clear') return undefined
  const plain = data['text/plain']
  const notes =
    typeof plain === 'string' ? [plain] : Object.entries(data).map(([mime, content]) => noteOf(mime, content))
  return [...notes, ...dropped.map((mime) => `[${mime} left out]`)].join('\n')
}

function noteOf(mime: string, content: unknown): string {
  if (content instanceof Uint8Array) return `[${mime} ${content.length} bytes]`
  return typeof content === 'string' ? `[${mime} ${content.length} characters]` : `[${mime}]`
}

/** `reading 3/10 (30 %)` */
export function progressText({ done, total, text }: ProgressEvent): string {
  const numbers = total === undefined ? `${done}` : `${done}/${total}`
  const share = total === undefined || total <= 0 ? '' : ` (${Math.floor((done / total) * 100)} %)`
  // one line, whatever the cell calls it
  const name = text === undefined ? '' : `${text.replaceAll(/[\p{Cc}\s]+/gu, ' ')} `
  return `${name}${numbers}${share}`
}

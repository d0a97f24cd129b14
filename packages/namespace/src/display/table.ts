import { Console } from 'node:console'
import { isArray } from '../primordials.ts'
import { textOf } from '../value-text.ts'
import { isPlainObject, type MimeBundle } from './mime-bundle.ts'
import { survivesJson } from './json-data.ts'

// unit: rows shown as text and HTML; the JSON has all of them
const shownRows = 1000
// unit: characters of one value in a cell of the table
const cellLength = 1000

export type Row = Readonly<Record<string, unknown>>

/** An array that is a table: plain objects, and at least one of them. */
export function isRows(value: unknown): value is readonly Row[] {
  if (!isArray(value) || value.length === 0) return false
  for (let index = 0; index < value.length; index++) if (!isPlainObject(value[index])) return false
  return true
}

/** As HTML, as `console.table` prints it, and as JSON if that carries it. */
export function tableBundle(rows: readonly Row[]): MimeBundle {
  const shown = rows.slice(0, shownRows)
  const rest = rows.length - shown.length
  const note = rest > 0 ? `… ${rest} more rows` : ''
  return {
    'text/plain': `${plainTable(shown)}${note === '' ? '' : `\n${note}`}`,
    'text/html': `${htmlTable(shown)}${note === '' ? '' : `<p>${note}</p>`}`,
    ...(survivesJson(rows) ? { 'application/json': rows } : {}),
  }
}

function plainTable(rows: readonly Row[]): string {
  let printed = ''
  const stdout = { write: (text: string) => (printed += text), once() {}, removeListener() {}, listenerCount: () => 0 }
  new Console({ stdout: stdout as never }).table(rows)
  return printed.trimEnd()
}

function htmlTable(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const line = (tag: 'th' | 'td', cells: readonly string[]): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  const body = rows.map((row) =>
    line(
      'td',
      names.map((name) => (Object.hasOwn(row, name) ? cellText(row[name]) : '')),
    ),
  )
  return `<table><thead>${line('th', names)}</thead><tbody>${body.join('')}</tbody></table>`
}

function cellText(value: unknown): string {
  return typeof value === 'string' ? value : textOf(value, cellLength).text
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}

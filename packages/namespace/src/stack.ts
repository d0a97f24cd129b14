import type { CellFile } from './cell-files.ts'

export interface CellStack {
  /** The frames, one per line, with the names and positions of cells. */
  readonly frames: string
  /** Of the innermost frame in a cell. */
  readonly line?: number
  readonly column?: number
}

export type FindCellFile = (filename: string) => CellFile | undefined

const framePattern = /^ {4}at (?:.*? \((.*)\)|(?:async )?(.*))$/
const placePattern = /^(.*):(\d+):(\d+)$/
const evalPattern = /\(([^()]+:\d+:\d+)\)/
const harnessEntry = /runInThisContext \(node:vm:/
const nodeInternal = /\(?node:internal\//

const ownFrame = firstFrame(new Error('where am I').stack ?? '')

/** Rewrites the frames of a V8 stack text; those of Capsule and of Node below the cell are left out. */
export function mapFrames(text: string, find: FindCellFile): CellStack {
  let lines = text.split('\n').filter((line) => framePattern.test(line))
  const entry = lines.findLastIndex((line) => harnessEntry.test(line))
  if (entry !== -1) lines = lines.slice(0, entry)
  const last = lines.findLastIndex((line) => !nodeInternal.test(line) && !isOwn(line))
  let place: { line: number; column: number } | undefined
  const frames = lines.slice(0, last + 1).flatMap((line) => {
    if (isOwn(line)) return []
    const mapped = mapFrame(line, find)
    place ??= mapped.place
    return [mapped.text]
  })
  return { frames: frames.join('\n'), ...place }
}

interface MappedFrame {
  readonly text: string
  readonly place?: { line: number; column: number }
}

function mapFrame(frame: string, find: FindCellFile): MappedFrame {
  const whole = placeOf(frame)
  // code in `eval` names the place of the call too, and that is the one in a cell
  const place = whole?.startsWith('eval at ') ? evalPattern.exec(whole)?.[1] : whole
  const [, filename, line, column] = placePattern.exec(place ?? '') ?? []
  const file = filename === undefined ? undefined : find(filename)
  if (file === undefined || place === undefined) return { text: frame }
  const mapped = file.toSource(Number(line), Number(column))
  return { text: frame.replace(place, () => `${file.name}:${mapped.line}:${mapped.column}`), place: mapped }
}

function placeOf(frame: string): string | undefined {
  const match = framePattern.exec(frame)
  return match?.[1] ?? match?.[2]
}

function firstFrame(text: string): { readonly file: string; readonly isSource: boolean } {
  const place = placeOf(text.split('\n')[1] ?? '') ?? ''
  const file = placePattern.exec(place)?.[1] ?? place
  // from source, every package of the workspace is Capsule's; built, all of it is this one file
  const packages = file.indexOf('/namespace/src/')
  return packages === -1 ? { file, isSource: false } : { file: file.slice(0, packages + 1), isSource: true }
}

function isOwn(frame: string): boolean {
  if (ownFrame.file === '' || !frame.includes(ownFrame.file)) return false
  return !ownFrame.isSource || /\/src\/[^:]+\.ts:/.test(frame)
}

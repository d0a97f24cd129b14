import { existsSync, readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One script of a file that Node writes at exit under NODE_V8_COVERAGE. */
interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly { ranges: readonly { startOffset: number; endOffset: number; count: number }[] }[]
}

/** Which of a script's characters ran: V8 lists outer ranges before those in them. */
function paint({ functions }: ScriptCoverage, length: number): Uint8Array {
  const ran = new Uint8Array(length)
  for (const { ranges } of functions)
    for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return ran
}

function lineStarts(code: string): number[] {
  const starts = [0]
  for (let at = code.indexOf('\n'); at !== -1; at = code.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** One place in a script, and the line of the source file it stands for. */
interface Place {
  readonly offset: number
  readonly file: string
  readonly line: number
}

/** A source file that runs as it is, its types blanked out in place: the first character of each line. */
function plainPlaces(file: string, code: string): Place[] {
  const indent = (start: number): number => /^[ \t]*/.exec(code.slice(start, start + 200))![0].length
  return lineStarts(code).map((start, index) => ({ offset: start + indent(start), file, line: index + 1 }))
}

/** A bundle: each place that the map beside it traces back to a source. */
function mappedPlaces(file: string, code: string): Place[] {
  const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload)
  const places: Place[] = []
  for (const [line, start] of lineStarts(code).entries()) {
    const end = code.indexOf('\n', start)
    for (let offset = start; offset < (end === -1 ? code.length : end); offset++) {
      const entry = map.findEntry(line, offset - start)
      if (!('originalSource' in entry) || entry.generatedColumn !== offset - start) continue
      places.push({ offset, file: resolve(dirname(file), entry.originalSource), line: entry.originalLine + 1 })
    }
  }
  return places
}

/** A script's length and places; undefined when it is no source of ours. */
function readScript(url: string, root: string): { length: number; places: Place[] } | undefined {
  if (!url.startsWith('file://')) return undefined
  const file = fileURLToPath(url)
  if (!file.startsWith(`${root}/`) || file.includes('/node_modules/') || !existsSync(file)) return undefined
  const code = readFileSync(file, 'utf8')
  const places = existsSync(`${file}.map`) ? mappedPlaces(file, code) : plainPlaces(file, code)
  return { length: code.length, places }
}

/** Reads what child processes reported: for each source file under `root`, the lines (from 1) that ran in some child. */
export function readChildCoverage(reports: readonly string[], root: string): Map<string, Set<number>> {
  const lines = new Map<string, Set<number>>()
  const scripts = new Map<string, ReturnType<typeof readScript>>()
  for (const report of reports) {
    const { result } = JSON.parse(readFileSync(report, 'utf8')) as { result: ScriptCoverage[] }
    for (const coverage of result) {
      if (!scripts.has(coverage.url)) scripts.set(coverage.url, readScript(coverage.url, root))
      const script = scripts.get(coverage.url)
      if (script === undefined) continue
      const ran = paint(coverage, script.length)
      for (const { offset, file, line } of script.places) {
        if (ran[offset] !== 1) continue
        if (!lines.has(file)) lines.set(file, new Set())
        lines.get(file)!.add(line)
      }
    }
  }
  return lines
}

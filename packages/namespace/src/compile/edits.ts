/** A 1-based position in a text. */
export interface Position {
  readonly line: number
  readonly column: number
}

export interface EditedText {
  readonly code: string
  readonly toSource: (line: number, column: number) => Position
}

interface Edit {
  readonly at: number
  readonly end: number
  readonly text: string
  /** 0 closes what ends here, 1 opens what starts here, 2 replaces what starts here. */
  readonly rank: 0 | 1 | 2
  /** The other end of what is opened or closed: at one place outer openings and inner closings come first. */
  readonly other: number
  readonly order: number
}

/** Text edits on one source, in any order; what is not edited keeps its line, and `toSource` finds its column. */
export class Edits {
  readonly source: string
  readonly #edits: Edit[] = []
  readonly #terminated = new Set<number>()

  constructor(source: string) {
    this.source = source
  }

  get isEmpty(): boolean {
    return this.#edits.length === 0
  }

  /** Writes `before` and `after` around the range; of two on one range, the first is the outer. */
  wrap(start: number, end: number, before: string, after: string): void {
    const order = this.#edits.length
    if (before !== '') this.#edits.push({ at: start, end: start, text: before, rank: 1, other: end, order })
    if (after !== '') this.#edits.push({ at: end, end, text: after, rank: 0, other: start, order })
  }

  /** Like `wrap`, around everything else that starts or ends there. */
  enclose(start: number, end: number, before: string, after: string): void {
    const order = this.#edits.length
    this.#edits.push({ at: start, end: start, text: before, rank: 1, other: Infinity, order })
    this.#edits.push({ at: end, end, text: after, rank: 0, other: -1, order })
  }

  /**
   * Ends a statement that a line break ended: `x++` and `() => {}` cannot go on with `(` or `[` on the next line, what is
   * put around them could.
   */
  terminate(end: number): void {
    if (this.source[end - 1] === ';' || this.#terminated.has(end)) return
    this.#terminated.add(end)
    this.#edits.push({ at: end, end, text: ';', rank: 0, other: -1, order: this.#edits.length })
  }

  insert(at: number, text: string): void {
    this.#edits.push({ at, end: at, text, rank: 1, other: at, order: this.#edits.length })
  }

  /** Replaces the range and keeps its line breaks (behind the new text). Ranges that are replaced must not overlap. */
  replace(start: number, end: number, text: string): void {
    const breaks = lineBreaks(this.source.slice(start, end))
    this.#edits.push({ at: start, end, text: text + breaks, rank: 2, other: end, order: this.#edits.length })
  }

  /** Overwrites the range with spaces, but for its line breaks and what `lead` puts in front. */
  blank(start: number, end: number, lead = ''): void {
    const text = lead + this.source.slice(start + lead.length, end).replaceAll(/[^\n\r\u2028\u2029]/g, ' ')
    this.#edits.push({ at: start, end, text, rank: 2, other: end, order: this.#edits.length })
  }

  apply(): EditedText {
    const { source } = this
    if (this.isEmpty) return { code: source, toSource: (line, column) => ({ line, column }) }
    const edits = this.#edits.sort(byPlace)
    const parts: string[] = []
    let copied = 0
    for (const { at, end, text } of edits) {
      parts.push(source.slice(copied, at), text)
      copied = end
    }
    parts.push(source.slice(copied))
    const code = parts.join('')
    let map: ((line: number, column: number) => Position) | undefined
    return { code, toSource: (line, column) => (map ??= createMap(source, code, edits))(line, column) }
  }
}

function byPlace(a: Edit, b: Edit): number {
  if (a.at !== b.at) return a.at - b.at
  if (a.rank !== b.rank) return a.rank - b.rank
  if (a.other !== b.other) return b.other - a.other
  return a.rank === 0 ? b.order - a.order : a.order - b.order
}

function createMap(source: string, code: string, edits: readonly Edit[]): EditedText['toSource'] {
  const codeLines = lineStarts(code)
  const sourceLines = lineStarts(source)
  return (line, column) => {
    const start = codeLines[Math.min(line, codeLines.length) - 1] ?? 0
    const wanted = start + column - 1
    let shift = 0
    for (const { at, end, text } of edits) {
      const from = at + shift
      if (wanted < from) break
      // inside new text: where that text stands
      if (wanted < from + text.length) return positionAt(sourceLines, at)
      shift += text.length - (end - at)
    }
    return positionAt(sourceLines, wanted - shift)
  }
}

/** The offset of each line's first character. */
export function lineStarts(text: string): number[] {
  const starts = [0]
  for (const match of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) starts.push(match.index + match[0].length)
  return starts
}

export function positionAt(starts: readonly number[], offset: number): Position {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 }
}

function lineBreaks(text: string): string {
  return text.replaceAll(/[^\n\r\u2028\u2029]+/g, '')
}

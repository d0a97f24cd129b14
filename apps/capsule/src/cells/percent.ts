import type { CellLanguage } from '@capsule/protocol'
import type { CellPart } from './cell.ts'

// at the start of a line, as editors want it; `//%%` counts, `//%%x` and `# %%` (not JavaScript) do not
const marker = /^\/\/[ \t]*%%(?:[ \t]+(.*?))?[ \t]*\r?$/

interface Header {
  readonly kind: 'code' | 'text'
  readonly title?: string
  readonly tags: readonly string[]
}

/**
 * Splits at `// %%` lines. What stands before the first one is a cell too; cells without code are left out. Like editors, it looks at
 * lines only: a marker line inside a template literal or block comment splits as well.
 */
export function splitPercent(text: string, language: CellLanguage): CellPart[] {
  const parts: CellPart[] = []
  let header: Header = { kind: 'code', tags: [] }
  let line = 1
  let source: string[] = []
  const finish = (): void => {
    const body = source.join('\n')
    if (header.kind === 'code' ? !hasCode(source) : body.trim() === '') return
    parts.push({ ...header, language, line, source: header.kind === 'text' ? uncomment(body) : body })
  }
  for (const [index, current] of text.split('\n').entries()) {
    const match = marker.exec(current)
    if (match === null) {
      source.push(current)
      continue
    }
    finish()
    header = parseHeader(match[1] ?? '')
    line = index + 2
    source = []
  }
  finish()
  return parts
}

/** Blank lines and line comments alone (a licence, a hashbang) are no cell. */
function hasCode(lines: readonly string[]): boolean {
  return lines.some((line) => !/^\s*(?:\/\/|#!|$)/.test(line))
}

/** `Title [markdown] key="value" tags=["a", "b"]`: each part may be missing; other keys are ignored. */
function parseHeader(text: string): Header {
  const metadata = /(?:^|\s)[\w-]+=/.exec(text)
  const head = metadata === null ? text : text.slice(0, metadata.index)
  const type = /(?:^|\s)\[(markdown|md|raw)\]/.exec(head)
  const title = (type === null ? head : head.slice(0, type.index)).trim()
  const tags = /(?:^|\s)tags=\[([^\]]*)\]/.exec(text)?.[1] ?? ''
  return {
    kind: type === null ? 'code' : 'text',
    ...(title !== '' && { title }),
    tags: Array.from(tags.matchAll(/"([^"]*)"|'([^']*)'/g), ([, double, single]) => double ?? single ?? ''),
  }
}

/** The text of a comment: `// ` before each line, or one block comment around all of them. */
function uncomment(source: string): string {
  const block = /^\s*\/\*\*?([\s\S]*?)\*\/\s*$/.exec(source)
  if (block !== null) return (block[1] ?? '').replace(/^[ \t]*\*[ \t]?/gm, '').trim()
  return source.replace(/^[ \t]*\/\/ ?/gm, '').trim()
}

import type { CellLanguage } from '@capsule/protocol'
import type { CellPart } from './cell.ts'

const languages: Readonly<Record<string, CellLanguage>> = {
  js: 'js',
  javascript: 'js',
  mjs: 'js',
  cjs: 'js',
  jsx: 'jsx',
  ts: 'ts',
  typescript: 'ts',
  mts: 'ts',
  cts: 'ts',
  tsx: 'tsx',
}

// CommonMark: up to three spaces; a list item's content may be indented further, so any indentation opens here
const opening = /^([ \t]*)(`{3,}|~{3,})[ \t]*(.*?)[ \t]*\r?$/

interface Fence {
  readonly mark: string
  readonly indent: number
  readonly language: CellLanguage | undefined
  readonly line: number
  readonly source: string[]
}

/**
 * The fenced blocks in a language that runs. A fence ends at a line of the same mark, at least as long; an unclosed one
 * at the end of the file. The fence's indentation is taken from its lines, so columns count from there.
 */
export function splitMarkdown(text: string): CellPart[] {
  const parts: CellPart[] = []
  let fence: Fence | undefined
  const finish = ({ language, line, source }: Fence): void => {
    const body = source.join('\n')
    if (language !== undefined && body.trim() !== '')
      parts.push({ kind: 'code', language, tags: [], line, source: body })
  }
  for (const [index, current] of text.split('\n').entries()) {
    if (fence === undefined) fence = openFence(current, index + 2)
    else if (closes(current, fence)) {
      finish(fence)
      fence = undefined
    } else fence.source.push(dedent(current, fence.indent))
  }
  if (fence !== undefined) finish(fence)
  return parts
}

function openFence(text: string, line: number): Fence | undefined {
  const match = opening.exec(text)
  if (match === null) return undefined
  const [, indent = '', mark = '', info = ''] = match
  // '```js```' is inline code
  if (mark.startsWith('`') && info.includes('`')) return undefined
  const name = /^[\w+-]+/.exec(info)?.[0].toLowerCase() ?? ''
  const language = Object.hasOwn(languages, name) ? languages[name] : undefined
  return { mark, indent: indent.length, language, line, source: [] }
}

function closes(text: string, { mark }: Fence): boolean {
  const trimmed = text.trim()
  return trimmed.length >= mark.length && trimmed === mark.charAt(0).repeat(trimmed.length)
}

function dedent(text: string, columns: number): string {
  let start = 0
  while (start < columns && (text[start] === ' ' || text[start] === '\t')) start++
  return text.slice(start)
}

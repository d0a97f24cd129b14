/** The lines of `code` around a 1-based place, with a caret under it; empty when the place is not in the code. */
export function codeFrame(code: string, { line, column }: { line: number; column?: number | undefined }): string {
  const lines = code.split(/\r?\n/)
  const target = lines[line - 1]
  if (target === undefined) return ''
  const from = Math.max(1, line - 2)
  const to = Math.min(lines.length, line + 1)
  const width = String(to).length
  const frame: string[] = []
  for (let number = from; number <= to; number++) {
    const text = lines[number - 1] ?? ''
    // the empty lines that stand for the rest of the file say nothing
    if (text.trim() === '' && number !== line) continue
    frame.push(`${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${text}`)
    if (number === line && column !== undefined) {
      const indent = target.slice(0, column - 1).replaceAll(/[^\t]/g, ' ')
      frame.push(`  ${' '.repeat(width)} | ${indent}^`)
    }
  }
  return frame.join('\n')
}

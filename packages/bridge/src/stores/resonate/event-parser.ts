/** No message of the protocol comes near; what is longer is dropped, so that a server cannot fill the memory. */
const longestEventChars = 64 * 1024 * 1024

/** Takes text as it comes, and gives the data of each event: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function createEventParser(onData: (data: string) => void): (chunk: string) => void {
  // a line comes in pieces, which are looked at once each
  let pieces: string[] = []
  let pieceChars = 0
  // a \r may be the first half of \r\n
  let carried = ''
  let lines: string[] = []
  let chars = 0
  const takeLine = (line: string): void => {
    if (line.startsWith('data:')) {
      chars += line.length
      if (chars <= longestEventChars) lines.push(line.slice(line[5] === ' ' ? 6 : 5))
    } else if (line === '') {
      if (lines.length > 0 && chars <= longestEventChars) onData(lines.join('\n'))
      lines = []
      chars = 0
    }
  }
  const endLine = (last: string): void => {
    const isWhole = pieceChars + last.length <= longestEventChars
    const line = isWhole ? pieces.join('') + last : undefined
    pieces = []
    pieceChars = 0
    if (line === undefined) chars = Infinity
    else takeLine(line)
  }
  return (chunk) => {
    const text = carried + chunk
    carried = text.endsWith('\r') ? '\r' : ''
    const ends = (carried === '' ? text : text.slice(0, -1)).split(/\r\n|\n|\r/)
    const rest = ends.pop()!
    for (const end of ends) endLine(end)
    pieceChars += rest.length
    if (pieceChars <= longestEventChars) pieces.push(rest)
    else pieces = []
  }
}

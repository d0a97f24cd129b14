/** No message of the protocol comes near; what is longer is dropped, so that a server cannot fill the memory. */
const longestEventChars = 64 * 1024 * 1024

/** Takes text as it comes, and gives the data of each event: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function createEventParser(onData: (data: string) => void): (chunk: string) => void {
  let rest = ''
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
  return (chunk) => {
    // a \r may be the first half of \r\n
    const parts = `${rest}${chunk}`.split(/\r\n|\n|\r(?!$)/)
    rest = parts.pop()!
    for (const line of parts) takeLine(line)
    if (rest.length > longestEventChars) rest = ''
  }
}

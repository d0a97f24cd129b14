import type { Screen } from '../screen/screen.ts'
import { toJsonValue } from './json-value.ts'
import type { PlacedCell, Reporter } from './reporter.ts'

/** One JSON object a line on standard output: events and outcomes as they come, the summary last. */
export function createJsonReporter(screen: Screen): Reporter {
  const print = (line: object): Promise<void> => screen.write('stdout', `${JSON.stringify(toJsonLine(line))}\n`)
  return {
    // notes for people are no events
    text: () => Promise.resolve(),
    event: (event, cell) => print({ ...event, ...placeOf(cell) }),
    outcome: (outcome, cell) => print({ type: 'outcome', ...outcome, ...placeOf(cell), ...titleOf(cell) }),
    stray: (stray) => print({ type: 'stray', ...stray }),
    summary: (summary) => print({ type: 'summary', ...summary }),
  }
}

function toJsonLine(line: object): object {
  return Object.fromEntries(
    Object.entries(line)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, toJsonValue(value, `$.${key}`)]),
  )
}

function placeOf(cell: PlacedCell | undefined): object {
  return cell === undefined ? {} : { index: cell.index, file: cell.file }
}

function titleOf({ line, title }: PlacedCell): object {
  return { line, ...(title !== undefined && { title }) }
}

import { executableText } from '../cells/cell.ts'
import { displayText, progressText } from '../screen/display-text.ts'
import { endingLines, errorText } from '../screen/outcome-text.ts'
import type { Look, Screen } from '../screen/screen.ts'
import type { PlacedCell, Reporter } from './reporter.ts'

/** What cells print where they print it, values behind it, and what went wrong on standard error. */
export function createTextReporter({ screen, quiet }: { screen: Screen; quiet: boolean }): Reporter {
  const paint = (look: Look, text: string): string => screen.style('stderr', look, text)
  const complain = async (text: string): Promise<void> => {
    // who left (`| head`) does not want to hear of the cancel that follows
    if (screen.abandoned.aborted) return
    await screen.freshLine('stderr')
    await screen.write('stderr', `${text}\n`)
  }
  return {
    async text({ source }) {
      if (quiet) return
      await screen.freshLine('stdout')
      await screen.write('stdout', `${source}\n`)
    },
    async event(event, cell) {
      switch (event.type) {
        case 'output':
          return screen.write(event.stream, event.text)
        case 'display': {
          const text = displayText(event)
          if (text === undefined) return
          await screen.freshLine('stdout')
          return screen.write('stdout', `${text}\n`)
        }
        case 'progress':
          return screen.progress(progressText(event))
        case 'error':
          await complain(paint('red', `Uncaught in ${cell === undefined ? 'the session' : placeOf(cell)}:`))
          return complain(errorText(event.error, { code: cell && executableText(cell), paint }))
        default:
          // input requests are shown by who answers them
          return
      }
    },
    async outcome(outcome, cell) {
      if (outcome.status === 'ok') {
        if (quiet || outcome.text === undefined || outcome.text === 'undefined') return
        await screen.freshLine('stdout')
        return screen.write('stdout', `${outcome.text}\n`)
      }
      await complain(paint('yellow', `${placeOf(cell)} did not end well: ${outcome.status}`))
      // of a stopped cell the error says no more than the lines that follow
      if (outcome.error !== undefined && outcome.status === 'error') {
        await complain(errorText(outcome.error, { code: executableText(cell), paint }))
      }
      for (const line of endingLines(outcome)) await complain(line)
    },
    stray: ({ stream, text }) => screen.write(stream, text),
    summary: () => screen.freshLine('stdout'),
  }
}

function placeOf({ file, line, title }: PlacedCell): string {
  return `${file}:${line}${title === undefined ? '' : ` (${title})`}`
}

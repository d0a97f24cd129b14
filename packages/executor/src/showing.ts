import type { Clock } from '@capsule/core'
import type { DisplayMessage, ProgressMessage } from '@capsule/protocol'
import { createDisplays, type Displays, type DisplaysOptions } from './displays.ts'
import { createProgressReports, type ProgressReports } from './progress-reports.ts'

type ShownMessage = DisplayMessage | ProgressMessage

export interface ShowingOptions extends Omit<DisplaysOptions, 'show' | 'ids'> {
  /** What the reader takes: without `display` it gets text, without `progress` nothing. @defaultValue both */
  readonly features?: readonly string[] | undefined
  /** Sends in order with what was printed. */
  readonly show: (message: ShownMessage) => void
  /** Sends what must not wait for room, behind what was printed. @defaultValue `show` */
  readonly showLast?: (message: ProgressMessage) => void
  readonly clock: Clock
}

/** What cells show beside printed text; both leave by one way, so progress that was held back goes before a display. */
export function createShowing(options: ShowingOptions): {
  readonly displays: Displays
  readonly progress: ProgressReports
} {
  const { features = ['display', 'progress'], show, showLast = show, clock, ...rest } = options
  const { currentExecutionId, isRunning } = rest
  const progress = createProgressReports({
    show: features.includes('progress') ? show : undefined,
    showLast,
    currentExecutionId,
    isRunning,
    clock,
  })
  const showDisplay = (message: DisplayMessage): void => {
    progress.flush(message.executionId)
    show(message)
  }
  return {
    progress,
    displays: createDisplays({ ...rest, show: features.includes('display') ? showDisplay : undefined }),
  }
}

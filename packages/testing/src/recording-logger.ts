import { createLogger, type LogFields, type Logger, type LogLevel } from '@capsule/core'

export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
}

export interface RecordingLogger extends Logger {
  /** Everything logged, also through children, oldest first. */
  readonly lines: readonly LogLine[]
}

export function createRecordingLogger(): RecordingLogger {
  const lines: LogLine[] = []
  return { ...createLogger((level, message, fields) => void lines.push({ level, message, fields })), lines }
}

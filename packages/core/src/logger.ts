export type LogFields = Readonly<Record<string, unknown>>
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Structured logging; nothing in Capsule writes to the console on its own. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger
}

/** Builds a {@link Logger} over one function. */
export function createLogger(
  write: (level: LogLevel, message: string, fields: LogFields) => void,
  fields: LogFields = {},
): Logger {
  const at = (level: LogLevel) => (message: string, more?: LogFields) => write(level, message, { ...fields, ...more })
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => createLogger(write, { ...fields, ...more }),
  }
}

/** Discards everything; the default. */
export const silentLogger: Logger = createLogger(() => {})

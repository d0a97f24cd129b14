import { createLogger, type Logger } from '@capsule/core'

/** Warnings and errors, one line each. */
export function createStderrLogger(): Logger {
  return createLogger((level, message, fields) => {
    if (level === 'warn' || level === 'error') process.stderr.write(`${level}: ${message} ${JSON.stringify(fields)}\n`)
  })
}

import { streamable } from '@capsule/provider-sdk'
import * as z from 'zod'

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes')

/** What both capabilities take; the rest (which command, which arguments) is checked against the command. */
export const shellInputSchema = z.strictObject({
  command: z.string().describe('One of the names that the host allows'),
  args: z.array(z.string()).default([]).describe('Each reaches the program as one argument, verbatim'),
  cwd: z.string().optional().describe("Relative to the host's root"),
  input: streamable(z.union([z.string(), bytes]))
    .optional()
    .describe('The standard input; without it, it is empty'),
  encoding: z
    .enum(['utf8', 'bytes'])
    .default('utf8')
    .describe('How the output comes; what is no UTF-8 is U+FFFD in text'),
})
export type ShellInput = z.output<typeof shellInputSchema>

export const runOutputSchema = z.strictObject({
  exitCode: z.int().describe('128 + n where signal n ended it'),
  signal: z.string().nullable().describe('The name of that signal, where it is known'),
  stdout: z.union([z.string(), bytes]),
  stderr: z.union([z.string(), bytes]),
  truncated: z.literal(true).optional().describe('There was more output than the limit of the command'),
  durationMs: z.number(),
})

/** What the body of `shell.start` consists of. */
export type ShellEvent =
  | {
      readonly type: 'output'
      readonly stream: 'stdout' | 'stderr'
      readonly text?: string
      readonly bytes?: Uint8Array
    }
  | {
      readonly type: 'exit'
      readonly exitCode: number
      readonly signal: string | null
      readonly durationMs: number
      readonly truncated?: true
    }

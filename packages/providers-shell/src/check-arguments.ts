import * as z from 'zod'
import { argv, rest, text } from './argv.ts'
import { shellErrors } from './errors.ts'

/** unit: bytes of UTF-8, all arguments; Linux takes no single one that is longer. */
const maxArgumentBytes = 128 * 1024 - 1

/** For a command that says nothing: text, and no options. */
export const defaultArguments: z.ZodType<readonly string[]> = argv([rest(text('argument'))])

/** What the program gets, verbatim and one by one. @throws SHELL_ARGUMENTS_INVALID */
export function checkArguments(
  command: string,
  schema: z.ZodType<readonly string[]>,
  args: readonly string[],
): readonly string[] {
  const refuse = (problems: readonly string[]): never => {
    throw shellErrors.SHELL_ARGUMENTS_INVALID({ command, problems })
  }
  const bytes = args.reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0)
  if (bytes > maxArgumentBytes) refuse([`they have ${bytes} bytes, over the limit of ${maxArgumentBytes}`])
  const unsendable = unsendableIn(args)
  if (unsendable.length > 0) refuse(unsendable)
  const { success, data, error } = schema.safeParse(args)
  if (!success) return refuse(error.issues.map(({ path, message }) => [nameOf(path), message].join(' ')))
  // a schema of the host may make anything of them
  if (!Array.isArray(data) || data.some((each) => typeof each !== 'string')) {
    return refuse(['the schema of the command does not give an array of strings'])
  }
  const made = unsendableIn(data)
  return made.length > 0 ? refuse(made) : data
}

const unsendableIn = (args: readonly string[]): string[] =>
  args.flatMap((argument, at) => {
    if (argument.includes('\0')) return [`args[${at}] must not contain NUL: no program can be given it`]
    // it would arrive as U+FFFD, not as what was given
    return argument.isWellFormed() ? [] : [`args[${at}] must not contain half of a surrogate pair`]
  })

const nameOf = ([first]: readonly PropertyKey[]): string => (first === undefined ? 'args' : `args[${String(first)}]`)

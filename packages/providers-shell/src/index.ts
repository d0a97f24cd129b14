/** The provider `shell`: allowed commands for cells, without a shell, with nothing of them left. */
export {
  argv,
  type ArgvMatch,
  type ArgvPart,
  type ArgvProblem,
  literal,
  oneOf,
  option,
  pathInside,
  pattern,
  relativePath,
  rest,
  text,
} from './argv.ts'
export { shellErrors } from './errors.ts'
export { shell } from './shell.ts'
export type { ShellEvent } from './shell-input.ts'
export type { AllowedCommand, ProcessLimits, ShellOptions } from './shell-options.ts'

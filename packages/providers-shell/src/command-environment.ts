interface EnvironmentParts {
  readonly cwd: string
  /** Of the command; wins over all. */
  readonly env: Readonly<Record<string, string>>
  /** What the way of ending it adds. */
  readonly added: Readonly<Record<string, string>>
}

/** The whole environment of a command: nothing is taken over from the host. */
export function commandEnvironment({ cwd, env, added }: EnvironmentParts): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'C.UTF-8',
    HOME: cwd,
    // what bubblewrap sets anyway
    PWD: cwd,
    ...env,
    ...added,
  }
}

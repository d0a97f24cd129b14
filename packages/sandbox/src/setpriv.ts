import { existsSync } from 'node:fs'

/** By absolute path: what PATH would find may be anything. */
const setprivPaths = ['/usr/bin/setpriv', '/bin/setpriv']

/** The command line, by way of `setpriv` where there is one: the kernel then ends the process when its parent ends. */
export function withParentDeathSignal(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const setpriv = process.platform === 'linux' ? setprivPaths.find((path) => existsSync(path)) : undefined
  return setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', '--', ...command]
}

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { promisify } from 'node:util'
import { parseLdd } from './ldd-output.ts'

/** A library as the program looks for it, and where it really is. */
export interface SharedLibrary {
  readonly path: string
  readonly realPath: string
}

const lddPaths = ['/usr/bin/ldd', '/bin/ldd']
const lddTimeoutMs = 10_000
const run = promisify(execFile)
const known = new Map<string, Promise<readonly SharedLibrary[]>>()

/** What a program needs to start, loader included; asked once for each program. @throws what `ldd` fails with */
export function sharedLibraries(program: string): Promise<readonly SharedLibrary[]> {
  const found = known.get(program)
  if (found !== undefined) return found
  const listing = listLibraries(program)
  known.set(program, listing)
  listing.catch(() => known.delete(program))
  return listing
}

async function listLibraries(program: string): Promise<readonly SharedLibrary[]> {
  const ldd = lddPaths.find((path) => existsSync(path))
  if (ldd === undefined) throw new Error(`no ldd in ${lddPaths.join(' or ')}`)
  const { stdout } = await run(ldd, [program], { env: {}, timeout: lddTimeoutMs })
  return Promise.all(parseLdd(stdout).map(async (path) => ({ path, realPath: await realpath(path) })))
}

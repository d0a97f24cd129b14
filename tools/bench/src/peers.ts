import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const folder = join(import.meta.dirname, '../peers')

/** Installs the peers once; without them (no network) the bench goes on and says which it skips. */
export function installPeers(log: (line: string) => void): void {
  if (existsSync(join(folder, 'node_modules/.modules.yaml'))) return
  log('installing the peers (once)')
  const args = ['--yes', 'pnpm@12.21.0', 'install', '--frozen-lockfile', '--silent']
  const { status } = spawnSync('npx', args, { cwd: folder, stdio: ['ignore', 2, 2], timeout: 300_000 })
  if (status !== 0) log('the peers could not be installed')
}

/** A file of an installed peer. @throws when it is not there */
export function peerFile(name: string, path: string): string {
  const file = join(folder, 'node_modules', name, path)
  if (!existsSync(file)) throw new Error(`${name} is not installed`)
  return file
}

/** Imports a peer's entry file. The peers are not in the workspace, so the caller says what it looks like. */
export async function importPeer<T>(name: string, path: string): Promise<T> {
  return (await import(pathToFileURL(peerFile(name, path)).href)) as T
}

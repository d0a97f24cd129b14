import { execFileSync } from 'node:child_process'
import { linkSync, lstatSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Tree } from './tree.ts'

/** What is there as regular files, by path in the root; all else must not be read. */
export const honestFiles: Readonly<Record<string, string>> = {
  'a.txt': 'a',
  'real/a.txt': 'real a',
  'real/deep/b.txt': 'b',
  'é/💾.txt': 'unicode',
  '..a/...': 'dots',
}

const fifos = ['fifo', 'real/fifo']

/** All kinds of entries that lead out, hang, or are no files. */
export function addHostileEntries(tree: Tree): void {
  tree.add(honestFiles)
  const links: Readonly<Record<string, string>> = {
    out: tree.outside,
    'out.txt': join(tree.outside, 'secret.txt'),
    'real/out': tree.outside,
    relative: '../outside',
    up: '..',
    self: '.',
    inner: 'real',
    'inner.txt': 'a.txt',
    loop: 'loop',
    dangling: join(tree.outside, 'new'),
    slash: '/',
    magic: '/proc/self/root',
    cwd: '/proc/self/cwd',
    'fd.txt': '/proc/self/fd/0',
  }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(tree.root, name))
  linkSync(join(tree.outside, 'secret.txt'), join(tree.root, 'hard'))
  linkSync(join(tree.outside, 'secret.txt'), join(tree.root, 'real/hard'))
  for (const name of fifos) execFileSync('mkfifo', [join(tree.root, name)])
}

/** Names that paths are made of: those of the tree, and some that are refused or lead nowhere. */
export const hostileNames: readonly string[] = [
  ...new Set(Object.keys(honestFiles).flatMap((path) => path.split('/'))),
  ...'out out.txt relative up self inner inner.txt loop dangling slash magic cwd fd.txt hard fifo new'.split(' '),
  ...'secret.txt etc proc root real/deep real/a.txt out/secret.txt ../outside .. . %2e%2e fd/0 / // \\ \0'.split(' '),
  '',
  '. ',
  '..\0',
  '\u2025',
  '\uff0e\uff0e',
]

/** Everything about a directory that a call could change, as one text. */
export function snapshotOf(directory: string): string {
  const lines = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(directory, name)
      const stats = lstatSync(path)
      const content = stats.isFile() ? readFileSync(path, 'utf8') : stats.isSymbolicLink() ? readlinkSync(path) : ''
      return [name, stats.mode, stats.ino, stats.mtimeMs, stats.size, content].join(' ')
    })
  return [String(lstatSync(directory).mtimeMs), ...lines].join('\n')
}

import { accessSync, type BigIntStats, closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs'

/** A program as it was when the host allowed it. */
export interface ProgramFile {
  /** As the host wrote it: a program may look at its own name, so it is started by this and not by where it leads. */
  readonly path: string
  readonly realPath: string
  /** Whether the path still leads to the same file, with the same content as far as its size and time of change tell. */
  isUnchanged(): boolean
}

/** Throws an error with the rule that the file breaks. */
export function openProgramFile(path: string): ProgramFile {
  const { realPath, identity } = look(path)
  const begin = firstBytes(realPath)
  // without these, exec fails and the C library hands the file to /bin/sh instead
  if (!magics.some((magic) => begin.startsWith(magic))) {
    throw new Error('must be an executable program, or a script that begins with #!')
  }
  const isUnchanged = (): boolean => {
    try {
      const now = look(path)
      return now.realPath === realPath && now.identity === identity
    } catch {
      return false
    }
  }
  return { path, realPath, isUnchanged }
}

const elf = '7f454c46'
const machO = ['cffaedfe', 'cefaedfe', 'cafebabe']
const script = Buffer.from('#!').toString('hex')
const windows = Buffer.from('MZ').toString('hex')
const magics = process.platform === 'win32' ? [windows] : [elf, script, ...(process.platform === 'darwin' ? machO : [])]

function look(path: string): { readonly realPath: string; readonly identity: string } {
  const realPath = realpathSync(path)
  const stats = statSync(realPath, { bigint: true })
  if (!stats.isFile()) throw new Error('must be a file')
  accessSync(realPath, constants.X_OK)
  return { realPath, identity: identityOf(stats) }
}

const identityOf = ({ dev, ino, size, mtimeNs }: BigIntStats): string => [dev, ino, size, mtimeNs].join(':')

function firstBytes(path: string): string {
  const fd = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(4)
    return buffer.toString('hex', 0, readSync(fd, buffer))
  } finally {
    closeSync(fd)
  }
}

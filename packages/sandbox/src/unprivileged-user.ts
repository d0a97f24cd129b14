import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

/** `nobody`: owns nothing. */
const nobody: SystemUser = { uid: 65534, gid: 65534 }

/** Who a confined worker runs as where that is not the host's user: a worker of root would be root to the machine. */
export function unprivilegedUser(
  asked: Partial<Record<keyof SystemUser, number | undefined>> = {},
): SystemUser | undefined {
  const { uid, gid } = asked
  if (uid !== undefined) return { uid, gid: gid ?? uid }
  return process.getuid?.() === 0 ? nobody : undefined
}

// of a file's mode: what everybody may do
const everybody = { read: 0o004, enter: 0o001 } as const

/** Whether everybody may read the file and enter the folders that lead to it. */
export async function isReadableByAll(path: string): Promise<boolean> {
  return ((await stat(path)).mode & everybody.read) !== 0 && isEnterableByAll(dirname(path))
}

/** Whether everybody may enter the folder and those that lead to it. */
export async function isEnterableByAll(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & everybody.enter) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRecorder, type Recorder } from '@capsule/testing'
import { onTestFinished } from 'vitest'

export interface ProcessWatch {
  /** Unique, and in the arguments of every process that connects. */
  readonly socketPath: string
  /** The roles of the processes that have connected. */
  readonly came: Recorder<string>
  /** The roles of those that are gone: the kernel closes the socket of a process that ends, however it ends. */
  readonly left: Recorder<string>
  /** Lets processes of a role end by themselves. */
  dismiss(role: string): void
}

/** Hears of processes over a socket that they hold. */
export async function watchProcesses(): Promise<ProcessWatch> {
  const directory = await mkdtemp(join(tmpdir(), 'capsule-shell-watch-'))
  const socketPath = join(directory, 'socket')
  const came = createRecorder<string>()
  const left = createRecorder<string>()
  const sockets = new Map<Socket, string>()
  const dismiss = (wanted: string): void => {
    for (const [socket, role] of sockets) if (role === wanted) socket.write('end\n')
  }
  const server = createServer((socket) => {
    socket.setEncoding('utf8').once('data', (role: string) => {
      sockets.set(socket, role.trim())
      came.record(role.trim())
    })
    socket.on('error', () => undefined)
    socket.on('close', () => left.record(sockets.get(socket) ?? 'unknown'))
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  onTestFinished(async () => {
    for (const socket of sockets.keys()) socket.write('end\n')
    server.close()
    await rm(directory, { recursive: true })
  })
  return { socketPath, came, left, dismiss }
}

/** The processes that have the text in their arguments. */
export function findProcesses(text: string): { readonly pid: number; readonly line: string }[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .flatMap((pid) => {
      const line = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
      return line.includes(text) ? [{ pid, line }] : []
    })
}

/** Whether there still is something of it, were it only a dead process that nobody has waited for. */
export const isThere = ({ pid }: { readonly pid: number }): boolean => read(`/proc/${pid}/stat`) !== ''

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

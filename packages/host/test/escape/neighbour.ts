import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { waitFor } from '@capsule/testing'
import { workerMarker } from '../worker-marker.ts'

/** A Node program that has nothing to do with Capsule and only runs. */
export interface Neighbour extends AsyncDisposable {
  readonly pid: number
  /** Resolves when its inspector listens, on loopback and a free port. */
  readonly inspected: Promise<void>
}

export interface NeighbourOptions {
  readonly nodePath: string
  readonly secret: string
  readonly user: { readonly uid?: number; readonly gid?: number }
}

const program = "process.stdin.resume().on('end', () => process.exit()); console.log('up')"

export async function startNeighbour({ nodePath, secret, user }: NeighbourOptions): Promise<Neighbour> {
  const child = spawn(nodePath, ['--inspect-port=127.0.0.1:0', '-e', program], {
    cwd: '/',
    env: { ...workerMarker(), ESCAPE_SECRET: secret },
    stdio: 'pipe',
    ...user,
  })
  const exited = once(child, 'exit')
  const inspected = new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('Debugger listening')) resolve()
    })
  })
  await waitFor(once(child.stdout, 'data'), { what: 'the neighbour' })
  return {
    pid: child.pid ?? 0,
    inspected,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

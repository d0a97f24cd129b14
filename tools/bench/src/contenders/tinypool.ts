import type { Contender } from '../contender.ts'
import { childFile } from '../child.ts'
import { importPeer } from '../peers.ts'

interface TinypoolModule {
  readonly default: new (options: object) => { run(task: string): Promise<unknown>; destroy(): Promise<void> }
}

/** A pool of one child process that evaluates what it is sent. */
export async function startTinypool(): Promise<Contender> {
  const { default: Tinypool } = await importPeer<TinypoolModule>('tinypool', 'dist/index.js')
  const filename = childFile('tinypool-task.mjs')
  const pool = new Tinypool({ filename, runtime: 'child_process', minThreads: 1, maxThreads: 1 })
  await pool.run('0')
  return {
    name: 'tinypool (child_process)',
    evaluate: (code) => pool.run(code),
    [Symbol.asyncDispose]: () => pool.destroy(),
  }
}

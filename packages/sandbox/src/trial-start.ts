import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { Availability, PreparedLaunch } from './isolation-driver.ts'

const trialTimeoutMs = 10_000
/** Of what a failed start writes to stderr. unit: characters */
const reasonLength = 500

export type Trial = Pick<PreparedLaunch, 'command' | 'args' | 'env' | 'cwd' | 'uid' | 'gid' | 'extraStdio'>

/** What the trial prints when all that it looks at is as it must be. */
const held = 'capsule: held'

/**
 * The program of a trial, for `node -e`: looks at its own confinement. `conditions` are expressions that must be true; the
 * first that is not becomes the reason.
 */
export function trialProgram(conditions: readonly string[]): string {
  return `const failed = ${JSON.stringify(conditions)}.find((each) => !(0, eval)(each));
require('node:fs').writeSync(1, failed === undefined ? ${JSON.stringify(held)} : 'not true in the worker: ' + failed)`
}

/** What must hold under Node's permission model, with nothing granted. */
export const permissionConditions = [
  // without it the grants that a worker starts with would stay
  "typeof process.permission.drop === 'function'",
  "!process.permission.has('fs.write')",
  "!process.permission.has('child')",
  "!process.permission.has('worker')",
] as const

/** Starts the process and says whether it held, or why not. */
export async function tryStart(trial: Trial, nextStep: string): Promise<Availability> {
  try {
    const { stdout, stderr, end } = await runTrial(trial)
    if (stdout === held) return { isAvailable: true }
    const told = [stdout, stderr].map((text) => text.trim().slice(0, reasonLength)).filter((text) => text !== '')
    return { isAvailable: false, reason: `${trial.command} ${end}: ${told.join('; ') || 'no message'}`, nextStep }
  } catch (error) {
    return { isAvailable: false, reason: `${trial.command} did not start: ${String(error)}`, nextStep }
  }
}

async function runTrial(trial: Trial): Promise<{ stdout: string; stderr: string; end: string }> {
  const child = spawn(trial.command, trial.args, {
    cwd: trial.cwd,
    env: trial.env,
    // fd 3 and 4 are the protocol's in a worker
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', 'ignore', ...trial.extraStdio.map(({ type }) => stdioOf(type))],
    timeout: trialTimeoutMs,
    killSignal: 'SIGKILL',
    ...(trial.uid !== undefined && { uid: trial.uid }),
    ...(trial.gid !== undefined && { gid: trial.gid }),
  })
  for (const [index, entry] of trial.extraStdio.entries()) {
    if (entry.type === 'bytes') feed(child.stdio[5 + index] as Writable | null | undefined, entry.bytes)
  }
  const [stdout, stderr] = [collect(child, 'stdout'), collect(child, 'stderr')]
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { stdout: stdout(), stderr: stderr(), end: signal === null ? `ended with ${code}` : `ended by ${signal}` }
}

const stdioOf = (type: 'bytes' | 'null' | 'none'): 'pipe' | 'ignore' => (type === 'bytes' ? 'pipe' : 'ignore')

function feed(stream: Writable | null | undefined, bytes: Uint8Array): void {
  // a child that ends before it has read them is told of by its exit
  stream?.on('error', () => {})
  stream?.end(bytes, () => stream.destroy())
}

function collect(child: ChildProcess, name: 'stdout' | 'stderr'): () => string {
  let text = ''
  child[name]?.setEncoding('utf8').on('data', (piece: string) => void (text += piece.slice(0, reasonLength)))
  return () => text
}

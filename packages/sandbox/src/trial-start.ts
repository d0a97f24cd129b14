import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Availability } from './isolation-driver.ts'
import { type Launch, startLaunch } from './start-launch.ts'

const trialTimeoutMs = 10_000
/** Of what a failed start writes. unit: characters */
const reasonLength = 500

/** What the trial prints when all that it looks at is as it must be. */
const held = 'capsule: held'

/**
 * The program of a trial, for `node -e`: looks at its own confinement. `conditions` are expressions that must be true; the
 * first that is not becomes the reason.
 */
export function trialProgram(conditions: readonly string[]): string {
  const checks = conditions.map((condition) => `[${JSON.stringify(condition)}, () => ${condition}]`)
  return `const failed = [${checks.join(', ')}].find(([, check]) => !check());
require('node:fs').writeSync(1, failed === undefined ? ${JSON.stringify(held)} : 'not true in the worker: ' + failed[0])`
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
export async function tryStart(trial: Launch, nextStep: string): Promise<Availability> {
  try {
    const { stdout, stderr, end } = await runTrial(trial)
    if (stdout === held) return { isAvailable: true }
    const told = [stdout, stderr].map((text) => text.trim()).filter((text) => text !== '')
    return { isAvailable: false, reason: `${trial.command} ${end}: ${told.join('; ') || 'no message'}`, nextStep }
  } catch (error) {
    return { isAvailable: false, reason: `${trial.command} did not start: ${String(error)}`, nextStep }
  }
}

async function runTrial(trial: Launch): Promise<{ stdout: string; stderr: string; end: string }> {
  const child = startLaunch(trial, trialTimeoutMs)
  const [stdout, stderr] = [collect(child, 'stdout'), collect(child, 'stderr')]
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { stdout: stdout(), stderr: stderr(), end: signal === null ? `ended with ${code}` : `ended by ${signal}` }
}

function collect(child: ChildProcess, name: 'stdout' | 'stderr'): () => string {
  let text = ''
  child[name]?.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).slice(0, reasonLength)
  })
  return () => text
}

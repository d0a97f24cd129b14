import type { Availability, IsolationDriver } from './isolation-driver.ts'

/** Asks once for each Node, and remembers the answer as long as the driver lives. */
export function createProbe(ask: (nodePath: string) => Promise<Availability>): IsolationDriver['probe'] {
  const answers = new Map<string, Promise<Availability>>()
  return ({ nodePath }) => {
    const known = answers.get(nodePath)
    if (known !== undefined) return known
    const asked = ask(nodePath).catch((error: unknown): Availability => {
      return { isAvailable: false, reason: String(error), nextStep: `look at ${nodePath}` }
    })
    answers.set(nodePath, asked)
    return asked
  }
}

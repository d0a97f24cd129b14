/** A cell that is hard to stop. */
export interface CancelCase {
  readonly name: string
  /** Prints or asks something once it is where it can't be stopped easily. */
  readonly code: string
  /** What must become of the namespace. */
  readonly state: 'kept' | 'lost'
  /** Only where the executor ends code that never lets go of its thread. */
  readonly isPreemptive?: true
  /** Nobody reads the execution's output. */
  readonly isUnread?: true
}

const go = 'console.log("go");'

export const cancelCases: readonly CancelCase[] = [
  { name: 'while (true) {}', code: `${go} while (true) {}`, state: 'kept', isPreemptive: true },
  { name: 'a promise that never settles', code: `${go} await new Promise(() => {})`, state: 'kept' },
  { name: 'for (;;) await null', code: `${go} for (;;) await null`, state: 'kept', isPreemptive: true },
  {
    name: 'try { loop } finally { loop }',
    code: `${go} try { while (true) {} } finally { while (true) {} }`,
    state: 'kept',
    isPreemptive: true,
  },
  { name: 'a loop after an await', code: `${go} await null; while (true) {}`, state: 'kept', isPreemptive: true },
  {
    name: 'a loop in a timer callback',
    code: `setTimeout(() => { ${go} while (true) {} }); await new Promise(() => {})`,
    state: 'kept',
    isPreemptive: true,
  },
  {
    name: 'a long regular expression',
    code: `${go} /^(a+)+$/.test('a'.repeat(40) + 'b')`,
    state: 'kept',
    isPreemptive: true,
  },
  {
    name: 'Atomics.wait',
    code: `${go} Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)`,
    state: 'kept',
    isPreemptive: true,
  },
  { name: 'a pending prompt()', code: 'prompt("?")', state: 'kept', isPreemptive: true },
  { name: 'a pending input()', code: 'await input("?")', state: 'kept' },
  {
    name: 'output to a slow reader',
    code: 'const line = "x".repeat(1000); for (;;) console.log(line)',
    state: 'kept',
    isPreemptive: true,
    isUnread: true,
  },
  {
    name: 'a cell that swallows the cancel',
    code: `${go} for (;;) try { await new Promise(() => {}) } catch {}`,
    state: 'kept',
    isPreemptive: true,
  },
  {
    name: 'a long native call (execSync)',
    code: `${go} require('node:child_process').execSync('sleep 30')`,
    state: 'lost',
    isPreemptive: true,
  },
]

// A tour of what a session does, as a file of cells. Run it with:
//
//   npm start -- run apps/capsule/examples/tour.ts
//
// Each `// %%` line starts a cell, as in editors that know the percent format. All cells share one session.

// %% Values
// The value of a cell's last expression is its result.
const answer = 6 * 7
answer

// %% Output and text
// What a cell prints comes out at once and in order, before its value.
console.log('the answer is', answer)
process.stdout.write('written without a line end, ')
console.log('then ended')
new Map([['bindings persist', answer]])

// %% TypeScript
// Types are dropped; enums, which have a meaning at run time, are compiled.
enum Level {
  Low = 1,
  High = 10,
}
interface Reading {
  readonly place: string
  readonly celsius: number
  readonly level: Level
}
const readings: Reading[] = [
  { place: 'Oslo', celsius: 4, level: Level.Low },
  { place: 'Lagos', celsius: 31, level: Level.High },
  { place: 'Quito', celsius: 14, level: Level.Low },
]
readings.filter(({ level }) => level === Level.High)

// %% Imports
// Node's own modules, npm packages and files resolve as they would for a script.
import { createHash } from 'node:crypto'
import os, { EOL } from 'node:os'
createHash('sha256').update(`capsule${EOL}`).digest('hex').slice(0, 16)

// %% Top-level await
import { setTimeout as sleep } from 'node:timers/promises'
for await (const step of [1, 2, 3]) {
  await sleep(5)
  console.log(`step ${step} of 3`)
}
const platform = await Promise.resolve(os.platform())
typeof platform

// %% Redeclaring
// A later cell may declare a name again, also as another kind; closures see the new value.
let greeting = 'Hello'
const greet = (name: string): string => `${greeting}, ${name}!`
// %%
function greeting2(): string {
  return 'Welcome'
}
greeting = greeting2()
greet('reader')

// %% A prompt
// `input()` waits for a line from the terminal or from a pipe. At the end of the input it throws; it never hangs.
let name = 'stranger'
try {
  name = await input('Your name? ')
} catch (error) {
  if ((error as { code?: string }).code !== 'INPUT_EOF') throw error
}
console.log(greet(name))

// %% A chart
const widest = Math.max(...readings.map(({ celsius }) => celsius))
for (const { place, celsius } of readings) {
  console.log(place.padEnd(6), '█'.repeat(Math.round((celsius / widest) * 30)), `${celsius} °C`)
}

// %% Late output: a timer outlives its cell
// What it prints still belongs to this cell, not to the one that runs by then.
setTimeout(() => console.log('(late, from the cell before)'), 20)
console.log('the cell is over')
// %%
await sleep(60)
console.log('and here is the next one')

// %% An error and its place
// The stack names this file and the line in it.
function risky(): never {
  throw new RangeError('too far')
}
try {
  risky()
} catch (error) {
  const [message, place] = String((error as Error).stack).split('\n')
  console.log(message, place?.trim())
}

// %% An error that is expected tags=["raises-exception"]
// Uncaught, it ends the cell and not the session; the tag says that it is meant.
const before = 'kept'
readings.find(({ place }) => place === 'Atlantis')!.celsius

// %% The session goes on
before

// %% Cancellation
// `capsule.signal` aborts when the cell is cancelled (Ctrl-C here, `execution.cancel()` in a program).
capsule.signal.aborted

// %% History
// `_` is the value before; In and Out hold every cell and its value.
const last = _
console.log('the last value was', last, 'and this is cell', Object.keys(In).length)
console.log('end of the tour')

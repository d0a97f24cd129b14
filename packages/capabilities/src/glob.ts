/**
 * `*` stands for any characters but `/`, `**` for any characters, `?` for one that is not `/`; the rest for itself.
 * Time is bounded by the length of the text times that of the pattern: states are followed side by side, and none is
 * ever gone back to.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const wildcard = pattern.search(/[*?]/)
  if (wildcard < 0) return (text) => text === pattern
  const prefix = pattern.slice(0, wildcard)
  // by far the most common form, and the cheapest
  if (pattern === `${prefix}**`) return (text) => text.startsWith(prefix)
  const steps = stepsOf(pattern.slice(wildcard))
  return (text) => text.startsWith(prefix) && follows(steps, text, prefix.length)
}

/** A character code, or one of these. */
const one = -1
const star = -2
const globstar = -3

function stepsOf(pattern: string): Int32Array {
  const steps: number[] = []
  for (let index = 0; index < pattern.length; index++) {
    const code = pattern.charCodeAt(index)
    if (code === 0x3f) steps.push(one)
    else if (code !== 0x2a) steps.push(code)
    else if (pattern[index + 1] === '*') {
      index++
      if (steps.at(-1) !== globstar) steps.push(globstar)
    } else if (steps.at(-1) !== star) steps.push(star)
  }
  return Int32Array.from(steps)
}

function follows(steps: Int32Array, text: string, from: number): boolean {
  // in which round a state was entered, so that nothing has to be cleared
  const enteredIn = new Int32Array(steps.length + 1).fill(-1)
  let states: number[] = []
  let next: number[] = []
  const enter = (into: number[], state: number, round: number): void => {
    // a star may stand for nothing
    for (let each = state; enteredIn[each] !== round; each++) {
      enteredIn[each] = round
      into.push(each)
      const step = steps[each]
      if (step !== star && step !== globstar) return
    }
  }
  enter(states, 0, from)
  for (let index = from; index < text.length && states.length > 0; index++) {
    const code = text.charCodeAt(index)
    next.length = 0
    for (const state of states) {
      const step = steps[state]
      if (step === globstar || (step === star && code !== 0x2f)) enter(next, state, index + 1)
      else if (step === code || (step === one && code !== 0x2f)) enter(next, state + 1, index + 1)
    }
    ;[states, next] = [next, states]
  }
  return states.includes(steps.length)
}

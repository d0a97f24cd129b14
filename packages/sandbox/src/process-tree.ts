import { readFileSync } from 'node:fs'

/** How many processes may stand between what was started and the worker: bubblewrap has two. */
const longestChain = 4

/** Follows the only child of the only child ...; `undefined` where a process has several or the system does not tell. */
export function innermostChild(pid: number): number | undefined {
  let innermost = pid
  for (let depth = 0; depth < longestChain; depth++) {
    const children = childrenOf(innermost)
    if (children === undefined || children.length > 1) return undefined
    const [child] = children
    if (child === undefined) return innermost
    innermost = child
  }
  return undefined
}

function childrenOf(pid: number): number[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
    return text === '' ? [] : text.split(' ').map(Number)
  } catch {
    return undefined
  }
}

import { type AbortOptions, type Clock, sleep } from '@capsule/core'
import type { ResonateTasks } from './resonate-tasks.ts'
import type { TaskReference } from './task-network.ts'

/** What the promise of a host is settled with when it was not the host that ended it. */
const lostValue = 'lost'

/**
 * Declares a host lost whose lease has run out. The host itself goes first: after an outage of the server all leases are
 * out, and those that live take theirs again. A version that has changed meanwhile says so.
 */
export async function declareLost(
  tasks: ResonateTasks,
  presence: TaskReference,
  { clock, graceMs, signal }: AbortOptions & { clock: Clock; graceMs: number },
): Promise<void> {
  await sleep(clock, graceMs, { signal })
  const taken = await tasks.acquire(presence)
  if (taken !== undefined) await tasks.fulfill(taken.task, lostValue)
}

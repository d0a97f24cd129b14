import type { Bridge } from '../bridge.ts'
import { bridgeErrors } from '../errors.ts'
import { cancellation, sealSettlement } from '../settlement.ts'

/** A question or call of an execution that is over: nobody wants its answer, and the store need not keep it to its time limit. */
export async function putAway({ store, maxValueBytes }: Bridge, id: string): Promise<void> {
  try {
    await store.settle(sealSettlement(id, cancellation(id, 'its execution is over'), maxValueBytes))
  } catch (error) {
    // the store had not come to make it
    if (!bridgeErrors.PROMISE_NOT_FOUND.is(error)) throw error
  }
}

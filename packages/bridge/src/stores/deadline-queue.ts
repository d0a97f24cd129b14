/** Ids ordered by deadline; what is deleted leaves nothing behind. */
export interface DeadlineQueue {
  readonly nextMs: number | undefined
  timeOf(id: string): number | undefined
  add(id: string, atMs: number): void
  delete(id: string): void
  /** Removes and gives the earliest id whose deadline is not after `nowMs`. */
  takeDue(nowMs: number): string | undefined
}

interface Item {
  readonly id: string
  readonly atMs: number
}

/** A binary heap that knows where each id is. */
export function createDeadlineQueue(): DeadlineQueue {
  const heap: Item[] = []
  const positions = new Map<string, number>()

  const put = (item: Item, position: number): void => {
    heap[position] = item
    positions.set(item.id, position)
  }
  const rise = (item: Item, from: number): void => {
    let position = from
    while (position > 0) {
      const parent = (position - 1) >> 1
      if (heap[parent]!.atMs <= item.atMs) break
      put(heap[parent]!, position)
      position = parent
    }
    put(item, position)
  }
  const sink = (item: Item, from: number): void => {
    let position = from
    for (;;) {
      let child = 2 * position + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child += 1
      if (heap[child]!.atMs >= item.atMs) break
      put(heap[child]!, position)
      position = child
    }
    put(item, position)
  }
  const remove = (id: string): void => {
    const position = positions.get(id)
    if (position === undefined) return
    positions.delete(id)
    const last = heap.pop()!
    if (position === heap.length) return
    if (position > 0 && last.atMs < heap[(position - 1) >> 1]!.atMs) rise(last, position)
    else sink(last, position)
  }

  return {
    get nextMs() {
      return heap[0]?.atMs
    },
    timeOf(id) {
      const position = positions.get(id)
      return position === undefined ? undefined : heap[position]!.atMs
    },
    add(id, atMs) {
      remove(id)
      rise({ id, atMs }, heap.length)
    },
    delete: remove,
    takeDue(nowMs) {
      const first = heap[0]
      if (first === undefined || first.atMs > nowMs) return undefined
      remove(first.id)
      return first.id
    },
  }
}

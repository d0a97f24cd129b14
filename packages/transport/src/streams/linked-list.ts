/** What a list holds; an entry is in at most one list. */
export interface ListEntry<Entry> {
  next?: Entry | undefined
  previous?: Entry | undefined
  isListed?: boolean
}

/** A queue that gives entries up from anywhere in it. No method of a built-in is called: cells may replace those. */
export class LinkedList<Entry extends ListEntry<Entry>> {
  #first: Entry | undefined
  #last: Entry | undefined

  get first(): Entry | undefined {
    return this.#first
  }

  push(entry: Entry): void {
    entry.isListed = true
    entry.next = undefined
    entry.previous = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.next = entry
    this.#last = entry
  }

  shift(): Entry | undefined {
    const entry = this.#first
    if (entry !== undefined) this.remove(entry)
    return entry
  }

  /** Says whether it was there. */
  remove(entry: Entry): boolean {
    if (entry.isListed !== true) return false
    entry.isListed = false
    if (entry.previous === undefined) this.#first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === undefined) this.#last = entry.previous
    else entry.next.previous = entry.previous
    entry.next = undefined
    entry.previous = undefined
    return true
  }
}

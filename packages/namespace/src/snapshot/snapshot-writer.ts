import { ByteSink, SinkIsFull } from './byte-sink.ts'
import type { ModulePath } from './module-exports.ts'
import { type Key, type RecordTarget, Unportable } from './record-target.ts'
import { RecordWriter, type RecordWriterOptions } from './record-writer.ts'
import type { SourceEntry } from './source-entry.ts'
import type { Problem } from './unportable.ts'
import { valueTag } from './value-tags.ts'

export interface SnapshotWriterOptions extends RecordWriterOptions {
  /** Of the whole payload. */
  readonly limitBytes: number
  /** What the sources of cells take of that. */
  readonly inputBytes: number
}

/** How far everything was when a root began. */
interface Mark {
  readonly roots: number
  readonly records: number
  readonly indexBytes: number
  readonly objects: number
  readonly keys: number
  readonly shapes: number
  readonly sources: number
  readonly modules: number
}

/**
 * Writes a graph of values, one record for each object, function and symbol, however deep it is. It reads data properties
 * only and runs no code of cells. A root of which any part cannot be carried over is taken back whole.
 */
export class SnapshotWriter implements RecordTarget {
  readonly roots: ByteSink
  readonly records: ByteSink
  readonly keys: Key[] = []
  readonly shapes: (readonly number[])[] = []
  readonly sources: SourceEntry[] = []
  readonly modulePaths: ModulePath[] = []
  readonly #limitBytes: number
  readonly #recordWriter: RecordWriter
  readonly #ids = new Map<unknown, number>()
  readonly #objects: unknown[] = []
  // where each object was first met, for the path that a report shows
  readonly #parents: number[] = []
  readonly #labels: (Key | number)[] = []
  readonly #keyIds = new Map<Key, number>()
  readonly #sourceIds = new Map<string, number>()
  readonly #shapesBySize: number[][] = []
  /** What cannot be carried over, and what leads there. */
  readonly #refused = new Map<unknown, Problem>()
  #current = -1
  /** Of keys, shapes and sources, about: they go into the index. */
  #indexBytes = 0

  constructor(options: SnapshotWriterOptions) {
    this.#limitBytes = Math.max(0, options.limitBytes - options.inputBytes)
    this.roots = new ByteSink(4096, this.#limitBytes)
    this.records = new ByteSink(4096, this.#limitBytes)
    this.#recordWriter = new RecordWriter(this, options)
  }

  get recordCount(): number {
    return this.#objects.length
  }

  /** Undefined: the root is written, with all that it refers to. */
  root(name: string, value: unknown): Problem | undefined {
    const mark = this.#mark()
    this.#current = -1
    try {
      this.value(this.roots, value, name)
      for (let id = mark.objects; id < this.#objects.length; id++) this.#record(id)
      if (this.#size > this.#limitBytes) throw new SinkIsFull()
      return undefined
    } catch (error) {
      const problem = this.#problemOf(error)
      const { reason, detail } = problem
      const path = this.#path(name)
      if (reason !== 'too-large') this.#refuse(problem)
      this.#takeBack(mark)
      return { reason, detail: path === name ? detail : `${path}: ${detail}` }
    }
  }

  value(sink: ByteSink, value: unknown, label: Key | number): void {
    switch (typeof value) {
      case 'string':
        return sink.text(value)
      case 'number':
        return sink.number(value)
      case 'boolean':
        return sink.byte(value ? valueTag.true : valueTag.false)
      case 'undefined':
        return sink.byte(valueTag.undefined)
      case 'bigint':
        return sink.bigint(value)
      default:
        if (value === null) return sink.byte(valueTag.null)
        sink.byte(valueTag.record)
        sink.varint(this.#ids.get(value) ?? this.#assign(value, label))
    }
  }

  key(key: Key): number {
    let id = this.#keyIds.get(key)
    if (id === undefined) {
      id = this.keys.length
      this.keys.push(key)
      this.#indexBytes += typeof key === 'string' ? jsonBytes(key) : 8
      this.#keyIds.set(key, id)
      if (typeof key === 'symbol' && !this.#ids.has(key)) this.#assign(key, 'a key')
    }
    return id
  }

  shape(keys: readonly Key[]): number {
    const known = (this.#shapesBySize[keys.length] ??= [])
    for (let index = known.length - 1; index >= 0 && index >= known.length - 8; index--) {
      const id = known[index] as number
      if (this.#isShape(id, keys)) return id
    }
    const id = this.shapes.length
    this.shapes.push(keys.map((key) => this.key(key)))
    this.#indexBytes += keys.length * 6 + 3
    known.push(id)
    return id
  }

  source(entry: SourceEntry): number {
    const known = this.#sourceIds.get(entry.text)
    if (known !== undefined) return known
    this.sources.push(entry)
    this.#indexBytes += jsonBytes(entry.text) + 80
    this.#sourceIds.set(entry.text, this.sources.length - 1)
    return this.sources.length - 1
  }

  module(path: ModulePath): number {
    this.modulePaths.push(path)
    return this.modulePaths.length - 1
  }

  idOf(value: unknown): number | undefined {
    return this.#ids.get(value)
  }

  get #size(): number {
    return this.records.position + this.roots.position + this.#indexBytes
  }

  #problemOf(error: unknown): Problem {
    if (error instanceof Unportable) return error.problem
    if (error instanceof SinkIsFull) {
      return { reason: 'too-large', detail: `the snapshot would have more than ${this.#limitBytes} bytes` }
    }
    // an object of a kind that nobody thought of: the others are still worth carrying over
    return { reason: 'native-object', detail: `it cannot be read: ${String((error as Error).message).slice(0, 200)}` }
  }

  #isShape(id: number, keys: readonly Key[]): boolean {
    const shape = this.shapes[id] as readonly number[]
    for (let index = 0; index < keys.length; index++) {
      if (this.keys[shape[index] as number] !== keys[index]) return false
    }
    return true
  }

  #assign(value: unknown, label: Key | number): number {
    const problem = this.#refused.size === 0 ? undefined : this.#refused.get(value)
    if (problem !== undefined) throw new Unportable(problem)
    const id = this.#objects.length
    this.#ids.set(value, id)
    this.#objects.push(value)
    this.#parents.push(this.#current)
    this.#labels.push(label)
    return id
  }

  #record(id: number): void {
    this.#current = id
    const { records } = this
    const start = records.position
    records.byte(0)
    records.uint32(0)
    const kind = this.#recordWriter.write(this.#objects[id] as object | symbol)
    records.patch(start, kind)
    records.patchUint32(start + 1, records.position - start - 5)
    if (this.#size > this.#limitBytes) throw new SinkIsFull()
  }

  /** From the root to where the walk is: `config.sockets[2]`. */
  #path(root: string): string {
    const labels: (Key | number)[] = []
    for (let id = this.#current; id >= 0; id = this.#parents[id] as number)
      labels.push(this.#labels[id] as Key | number)
    // the last one is the root's own
    if (labels.length > 0 && labels.at(-1) === root) labels.pop()
    const shown = labels.length > 8 ? [...labels.slice(0, 4), '…', ...labels.slice(-4)] : labels
    return root + shown.reverse().map(step).join('')
  }

  #refuse(problem: Problem): void {
    for (let id = this.#current; id >= 0; id = this.#parents[id] as number)
      this.#refused.set(this.#objects[id], problem)
  }

  #mark(): Mark {
    return {
      roots: this.roots.position,
      records: this.records.position,
      indexBytes: this.#indexBytes,
      objects: this.#objects.length,
      keys: this.keys.length,
      shapes: this.shapes.length,
      sources: this.sources.length,
      modules: this.modulePaths.length,
    }
  }

  #takeBack(mark: Mark): void {
    this.roots.position = mark.roots
    this.records.position = mark.records
    this.#indexBytes = mark.indexBytes
    for (let id = mark.objects; id < this.#objects.length; id++) this.#ids.delete(this.#objects[id])
    for (const list of [this.#objects, this.#parents, this.#labels]) list.length = mark.objects
    for (let id = mark.keys; id < this.keys.length; id++) this.#keyIds.delete(this.keys[id] as Key)
    this.keys.length = mark.keys
    this.shapes.length = mark.shapes
    for (const ids of this.#shapesBySize) while (ids !== undefined && (ids.at(-1) ?? -1) >= mark.shapes) ids.pop()
    for (let id = mark.sources; id < this.sources.length; id++) {
      this.#sourceIds.delete((this.sources[id] as SourceEntry).text)
    }
    this.sources.length = mark.sources
    this.modulePaths.length = mark.modules
  }
}

function step(label: Key | number): string {
  if (typeof label === 'number') return `[${label}]`
  if (typeof label === 'symbol') return `[${String(label)}]`
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(label) ? `.${label}` : `[${JSON.stringify(label.slice(0, 40))}]`
}

/** Of a text in JSON, at most, unless it is full of control characters. */
function jsonBytes(text: string): number {
  return text.length * 2 + 3
}

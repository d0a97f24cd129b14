import type { CapabilityProvider } from '@capsule/core'

/** The arguments as a cell passes them, or what makes them once `create` has run. */
export type SampleArguments = readonly unknown[] | (() => readonly unknown[])

export interface DetailedSample {
  readonly args: SampleArguments
  /** What the cell streams into the `bodyField`; asked for anew at each call. */
  readonly body?: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** Leaves the body of the answer after so many chunks: for one without end. */
  readonly maxChunks?: number
}

export type SampleCall = SampleArguments | DetailedSample

/** Calls of one capability. What is left out is skipped, and the report shows it so. */
export interface CapabilitySamples {
  /** Calls that are answered on a new provider, each by itself and all at once. */
  readonly valid: readonly SampleCall[]
  /** Calls that the handler refuses, and the code it does it with. */
  readonly refused?: readonly (DetailedSample & { readonly code: string })[]
  /** A call that goes on until its signal aborts. */
  readonly slow?: SampleCall
  /** A call whose whole answer would be larger than `limits.outputBytes`. */
  readonly large?: SampleCall
  /** A call whose answer has a body of at least two chunks. */
  readonly streamed?: SampleCall
  /**
   * Whether the handler may be called with hostile arguments that its schema admits; `false` where that could do harm.
   * @defaultValue true
   */
  readonly isSafeToFuzz?: boolean
}

export interface ProviderContractOptions {
  /** Of the suite. */
  readonly name: string
  /** A new provider for each check, which disposes it. */
  readonly create: () => CapabilityProvider | Promise<CapabilityProvider>
  /** By the second half of their names; every capability needs some. */
  readonly calls: Readonly<Record<string, CapabilitySamples>>
  /** All codes that errors of its handlers have: `Object.keys(notesErrors)`. @defaultValue none */
  readonly errorCodes?: readonly string[]
  /**
   * The values of the secrets that `create` gave, and what else must never be seen outside of the host (the real path
   * of a root). Without them nothing is known to look for.
   */
  readonly secrets?: readonly string[]
  /** How many handles, sockets, children, ... are open that providers of `create` opened; asked for after dispose. */
  readonly countHeld?: () => number | Promise<number>
  /** How long a handler may take to end once its signal has aborted. @defaultValue 2000 */
  readonly settleWithinMs?: number
  /** How long one valid or large call may take. @defaultValue 10_000 */
  readonly answerWithinMs?: number
}

/** One rule of the contract. */
export interface ProviderCheck {
  readonly name: string
  /** Why it does not run: what the options leave out. */
  readonly skipped?: string | undefined
  /** Rejects with an error that says what to change. */
  run(this: void): Promise<NotTried | undefined>
}

/** The rule applies to the provider, and the options have no sample to try it with. */
export interface NotTried {
  readonly skipped: string
}

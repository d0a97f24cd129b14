/** What a bridge counts, from its creation on. */
export interface BridgeCounters {
  /** Promises that this host made. */
  readonly created: number
  /** Calls that found their promise made: here, or by another host or an earlier one. */
  readonly joined: number
  /** Cells, questions and calls that this host let happen. */
  readonly sent: number
  readonly resolved: number
  readonly rejected: number
  readonly timedOut: number
  readonly cancelled: number
  /** Nobody here waits for it any more; it is as it was in the store. */
  readonly left: number
  /** Refused with BRIDGE_OVERLOADED. */
  readonly overloaded: number
  /** Questions that were answered from the record. */
  readonly replayedInputs: number
  /** Capability calls that were answered from the record. */
  readonly replayedCalls: number
  /** Attempts after the first. */
  readonly takenOver: number
  readonly leasesLost: number
  readonly storeRetries: number
}

export interface BridgeInfo {
  readonly state: 'open' | 'closing' | 'closed'
  readonly store: string
  readonly namespace: string
  /** Promises that somebody here waits for now. */
  readonly pending: number
  /** The most that ever were pending at once. */
  readonly pendingHighWater: number
  /** Settled ones that are remembered. */
  readonly retained: number
  readonly counters: BridgeCounters
}

export type Counting = { -readonly [Name in keyof BridgeCounters]: number }

export function createCounters(): Counting {
  return {
    created: 0,
    joined: 0,
    sent: 0,
    resolved: 0,
    rejected: 0,
    timedOut: 0,
    cancelled: 0,
    left: 0,
    overloaded: 0,
    replayedInputs: 0,
    replayedCalls: 0,
    takenOver: 0,
    leasesLost: 0,
    storeRetries: 0,
  }
}

import type { FrameLimits } from './negotiation.ts'

/** What both sides enforce until hello and ready agree on something else; the agreement is the smaller of both offers. */
export const defaultLimits: FrameLimits = {
  // unit: bytes of one payload; threat: a peer that announces gigabytes and makes the reader allocate them
  frameBytes: 10 * 1024 * 1024,
  // unit: levels of arrays and maps; threat: recursion that overflows the reader's stack
  depth: 64,
}

// unit: arrays and maps in one message; threat: a 1-byte empty map becomes a 56-byte object, so 10 MiB become 560
export const messageContainers = 1_000_000

// unit: objects in one completion value; threat: as above
export const valueContainers = 1_000_000

// unit: levels of one completion value, whatever the settings ask for; threat: stack overflow in the writer or reader
export const valueDepthCap = 1000

// unit: characters of foreign text quoted in an error; threat: a peer that fills the host's log
export const quotedCharacters = 200

/** Length prefix of a frame, in bytes: unsigned, big-endian. */
export const frameHeaderBytes = 4

/** Queued bytes above which `send` says false. Threat: a peer that reads slowly makes the sender's memory grow. */
export const defaultHighWaterBytes = 1024 * 1024

/**
 * Bytes in a socket's queue above which bulk is held back. Threat: a cancel that waits behind an upload. One frame may go
 * past it, so that the system never runs dry.
 */
export const bulkAheadBytes = 64 * 1024

/** Received bytes kept while paused before the source is stopped again. Threat: a flood that outlives its process. */
export const keptWhilePausedBytes = 1024 * 1024

/** First allocation for a frame that spans chunks, in bytes. Threat: headers that claim much and are followed by nothing. */
export const firstFrameAllocationBytes = 64 * 1024

/** Factor: what is allocated for such a frame is at most this times what has arrived. Copying stays linear (a third more). */
export const frameGrowth = 4

/** Payloads of fewer bytes than this get memory of their own; larger ones of one pooled frame's size share the pool. */
export const smallFrameBytes = 16 * 1024

/** Memory of one pooled frame, in bytes: a piece of a stream fits. */
export const pooledFrameBytes = 64 * 1024

/** Frames' worth of memory that waits for use. Threat: a burst whose memory is held for ever. */
export const pooledFrames = 24

/** Where the blocking writer gathers small frames, in bytes: copying into a reused slab beats allocating. */
export const slabBytes = 64 * 1024

/** Longest time, in milliseconds, that the blocking writer holds a frame while the program goes on sending. */
export const slabHoldMs = 2

/** The end of fd 2 kept for crash reports, in bytes. */
export const defaultStderrTailBytes = 8 * 1024

/**
 * How long, in milliseconds, pipes may stay open after their process exited. Threat: a grandchild inherits a pipe, and
 * the end never comes.
 */
export const pipeGraceMs = 250

/**
 * How long, in milliseconds, the input may go on after writing failed; longer than the grace after an exit, which is
 * mostly the reason. Threat: a peer that closes its input and never ends.
 */
export const writeFailureGraceMs = 500

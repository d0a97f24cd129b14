/** What both sides hold displays and progress to. */
export const displayLimits = {
  // unit: bytes of one display, all contents and metadata together; threat: a cell that fills the host's memory
  bytes: 8 * 1024 * 1024,
  // unit: bytes of content in one part; threat: a display that delays cancel and heartbeats behind it
  partBytes: 24 * 1024,
  // unit: as above, where frames or chunks of output are set to less; threat: as `bytes`, in parts that hold next to nothing
  leastPartBytes: 1024,
  // unit: MIME types of one display; threat: as `bytes`
  mimeTypes: 32,
  // unit: UTF-16 units of one MIME type
  mimeTypeLength: 129,
  // unit: UTF-16 units of a display's id
  idLength: 128,
  // unit: levels of one JSON content; threat: recursion that overflows the reader's stack
  jsonDepth: 100,
  // unit: UTF-16 units of a progress message's text; longer ones are cut
  progressTextLength: 1000,
} as const

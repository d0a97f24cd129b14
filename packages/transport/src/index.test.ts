import { expect, it } from 'vitest'

it('exports exactly its public names', async () => {
  expect(Object.keys(await import('./index.ts')).sort()).toEqual([
    'createCellStreams',
    'createChildProcessTransport',
    'createFdTransport',
    'createFrameDecoder',
    'createMemoryTransportPair',
    'createRateLimiter',
    'createStreamHub',
    'defaultHighWaterBytes',
    'defaultStderrTailBytes',
    'encodeFrame',
    'frameHeaderBytes',
    'pipeGraceMs',
    'transportErrors',
  ])
  expect(Object.keys(await import('./testing.ts')).sort()).toEqual([
    'createRecordingReader',
    'describeTransportContract',
  ])
})

it('keeps its error codes', async () => {
  const { transportErrors } = await import('./index.ts')
  expect(Object.keys(transportErrors).sort()).toEqual([
    'FRAME_EMPTY',
    'FRAME_TOO_LARGE',
    'FRAME_TRUNCATED',
    'STREAMS_UNAVAILABLE',
    'STREAM_CANCELLED',
    'STREAM_DISCONNECTED',
    'STREAM_ENDED',
    'STREAM_FAILED',
    'STREAM_LIMIT',
    'STREAM_VALUE_NOT_SENDABLE',
    'TRANSPORT_ALREADY_READ',
    'TRANSPORT_FAILED',
    'WORKER_SPAWN_FAILED',
  ])
})

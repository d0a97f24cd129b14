import { describe, expect, it } from 'vitest'
import { hostSamples, workerSamples } from '../test/samples.ts'
import {
  checkReady,
  defaultLimits,
  type HelloMessage,
  hostFeatures,
  negotiate,
  protocolVersion,
  type ReadyMessage,
  workerFeatures,
} from './index.ts'

const hello = hostSamples[0] as HelloMessage
const ready = workerSamples[0] as ReadyMessage

describe('negotiate', () => {
  it.each([
    [['msgpack', 'json'], ['msgpack', 'json'], 'msgpack'],
    [['json', 'msgpack'], ['msgpack', 'json'], 'json'],
    [['msgpack', 'json'], ['json'], 'json'],
    [['cbor-of-a-later-release', 'json'], ['msgpack', 'json'], 'json'],
  ] as const)('takes the first codec of the host %j that the worker %j has', (offered, own, codec) => {
    expect(negotiate({ ...hello, codecs: [...offered] }, { codecs: own }).codec).toBe(codec)
  })

  it('refuses a peer without a common codec', () => {
    expect(() => negotiate({ ...hello, codecs: ['cbor'] })).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_MISMATCH', message: expect.stringContaining('cbor') }),
    )
  })

  it.each([0, 2, 99])('refuses the major version %i and says what to do', (major) => {
    expect(() => negotiate({ ...hello, protocol: { major, minor: 4 } })).toThrow(
      expect.objectContaining({
        code: 'PROTOCOL_MISMATCH',
        message: expect.stringMatching(
          new RegExp(`^this side speaks protocol 1\\.0, the peer ${major}\\.4: .*install`),
        ),
      }),
    )
  })

  it.each([
    [0, 0, 0],
    [3, 1, 1],
    [1, 3, 1],
  ])('agrees on the lower of the minor versions %i and %i', (own, peer, agreed) => {
    const { protocol } = negotiate(
      { ...hello, protocol: { major: 1, minor: peer } },
      { protocol: { major: 1, minor: own } },
    )
    expect(protocol).toEqual({ major: 1, minor: agreed })
  })

  it('takes the smaller of each limit', () => {
    const own = { frameBytes: 100, depth: 50 }
    expect(negotiate({ ...hello, limits: { frameBytes: 500, depth: 10 } }, { limits: own }).limits).toEqual({
      frameBytes: 100,
      depth: 10,
    })
    expect(negotiate({ ...hello, limits: { frameBytes: 2 ** 40, depth: 1000 } }).limits).toEqual(defaultLimits)
  })

  it('uses the features of both, whatever else a later host offers', () => {
    const { features } = negotiate(
      { ...hello, features: ['telepathy', 'sync-input', 'inspect'] },
      { features: ['sync-input', 'heartbeat'] },
    )
    expect(features).toEqual(['sync-input'])
    expect(negotiate({ ...hello, features: [...hostFeatures] }).features).toEqual(workerFeatures)
  })
})

describe('checkReady', () => {
  it('accepts what negotiate answers', () => {
    expect(checkReady(hello, { ...ready, ...negotiate(hello) })).toBeUndefined()
  })

  it.each<[string, Partial<ReadyMessage>]>([
    ['another major version', { protocol: { major: 2, minor: 0 } }],
    ['a newer minor version', { protocol: { major: 1, minor: protocolVersion.minor + 1 } }],
    ['features that were not offered', { features: ['telepathy'] }],
    ['larger frames', { limits: { ...hello.limits, frameBytes: hello.limits.frameBytes + 1 } }],
    ['deeper messages', { limits: { ...hello.limits, depth: hello.limits.depth + 1 } }],
  ])('refuses %s', (_name, change) => {
    expect(() => checkReady(hello, { ...ready, ...change })).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_MISMATCH' }),
    )
  })

  it('refuses a codec that was not offered', () => {
    expect(() => checkReady({ ...hello, codecs: ['json'] }, ready)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_MISMATCH' }),
    )
  })
})

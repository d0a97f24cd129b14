import { protocolErrors } from './errors.ts'
import { workerFeatures } from './features.ts'
import { defaultLimits, quotedCharacters } from './limits.ts'
import type { HelloMessage } from './messages/hello.ts'
import type { ReadyMessage } from './messages/ready.ts'
import type { CodecName, FrameLimits, ProtocolVersion } from './negotiation.ts'

/** What this package speaks. The major changes only when an old peer could misunderstand. */
export const protocolVersion: ProtocolVersion = { major: 1, minor: 0 }

/** The codecs of this package, in order of preference. */
export const codecNames: readonly CodecName[] = ['msgpack', 'json']

/** What one side offers. */
export interface Offer {
  readonly protocol?: ProtocolVersion
  readonly codecs?: readonly CodecName[]
  readonly features?: readonly string[]
  readonly limits?: FrameLimits
}

export interface Agreement {
  /** The version both understand: the lower minor. */
  readonly protocol: ProtocolVersion
  readonly codec: CodecName
  readonly features: string[]
  readonly limits: FrameLimits
}

/**
 * The worker's side of hello: the host's first codec that the worker has, the features that both have, the smaller limits.
 * @throws PROTOCOL_MISMATCH
 */
export function negotiate(hello: HelloMessage, own: Offer = {}): Agreement {
  const { protocol = protocolVersion, codecs = codecNames, features = workerFeatures, limits = defaultLimits } = own
  const peer = hello.protocol
  const mismatch = (problem: string): Error =>
    protocolErrors.PROTOCOL_MISMATCH({
      own: protocol,
      peer,
      problem: `${problem}; install the same version on both sides`,
    })
  if (peer.major !== protocol.major) throw mismatch('the major versions must be equal')
  const codec = codecs.find((name) => name === hello.codecs.find((offered) => codecs.includes(offered as CodecName)))
  if (codec === undefined)
    throw mismatch(`the peer offers the codecs ${quoted(hello.codecs)}, this side has ${quoted(codecs)}`)
  return {
    protocol: { major: protocol.major, minor: Math.min(protocol.minor, peer.minor) },
    codec,
    features: features.filter((feature) => hello.features.includes(feature)),
    limits: {
      frameBytes: Math.min(limits.frameBytes, hello.limits.frameBytes),
      depth: Math.min(limits.depth, hello.limits.depth),
    },
  }
}

/**
 * The host's side of ready: refuses a worker that agreed to what was not offered.
 * @throws PROTOCOL_MISMATCH
 */
export function checkReady(hello: HelloMessage, ready: ReadyMessage): void {
  const problem = readyProblem(hello, ready)
  if (problem !== undefined) {
    throw protocolErrors.PROTOCOL_MISMATCH({ own: hello.protocol, peer: ready.protocol, problem })
  }
}

function readyProblem(hello: HelloMessage, ready: ReadyMessage): string | undefined {
  const { protocol, codec, features, limits } = ready
  if (protocol.major !== hello.protocol.major)
    return 'the major versions must be equal; install the same version on both sides'
  if (protocol.minor > hello.protocol.minor) return 'the worker chose a newer minor version than was offered'
  if (!hello.codecs.includes(codec)) return `the worker chose the codec ${codec}, which was not offered`
  const extra = features.filter((feature) => !hello.features.includes(feature))
  if (extra.length > 0) return `the worker chose features that were not offered: ${quoted(extra)}`
  if (limits.frameBytes > hello.limits.frameBytes || limits.depth > hello.limits.depth) {
    return 'the worker chose larger limits than were offered'
  }
  return undefined
}

const quoted = (names: readonly string[]): string => names.join(', ').slice(0, quotedCharacters)

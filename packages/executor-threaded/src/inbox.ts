import type {
  CancelMessage,
  CapabilityManifest,
  CapabilityResponseMessage,
  CapturedNamespace,
  ExecuteMessage,
  InputResponseMessage,
  InspectAnswer,
  InspectQuery,
  ResetAnswer,
  RestoreAnswer,
  RestoreMode,
  WireError,
  WorkerSettings,
} from '@capsule/protocol'
import type { CellStreamsLink } from '@capsule/transport'

/** What the control thread tells the user side. */
export type InboxMessage =
  /** First: build the engine. */
  | {
      readonly type: 'configure'
      readonly settings: WorkerSettings
      readonly features: readonly string[]
      /** Absent: the host knows no streams. */
      readonly streams?: Omit<CellStreamsLink, 'send'> | undefined
      readonly maxConcurrent: number
    }
  | { readonly type: 'execute'; readonly message: ExecuteMessage }
  /** Cooperative cancel; of a cell that has not started: drop it. */
  | { readonly type: 'cancel'; readonly executionId: string; readonly reason: CancelMessage['reason'] }
  /** The cancelled cell goes on, but keeps nobody from running: settle it, nothing is terminated. */
  | { readonly type: 'abandon'; readonly executionId: string; readonly reason: CancelMessage['reason'] }
  /** The cell's code was terminated, for the `count`th time that any was: settle it, and what ran beside it. */
  | {
      readonly type: 'terminated'
      readonly executionId: string
      readonly reason: CancelMessage['reason']
      readonly count: number
    }
  /** One batch of what the host says of channels waits in the stream port: it moves there, and so cannot be posted again. */
  | { readonly type: 'stream' }
  | { readonly type: 'respond'; readonly message: InputResponseMessage | CapabilityResponseMessage }
  | { readonly type: 'grant'; readonly manifest: CapabilityManifest }
  | { readonly type: 'inspect'; readonly requestId: number; readonly query: InspectQuery }
  | { readonly type: 'capture'; readonly requestId: number; readonly limitBytes: number }
  | { readonly type: 'restore'; readonly requestId: number; readonly payload: Uint8Array; readonly mode: RestoreMode }
  /** The code of a restore was terminated, or is not to be waited for any more. */
  | { readonly type: 'abandon-restore' }
  /** Asked for again when a termination may have cut it off. */
  | { readonly type: 'reset'; readonly requestId: number }
  /** Only to be taken care of: shows that the thread answers. */
  | { readonly type: 'ping' }
  | { readonly type: 'exit'; readonly code: number }

/**
 * Messages are numbered, and the user side publishes the last number it took care of: a termination can swallow a
 * message on its way into JavaScript, the control thread then posts it again.
 */
export interface Envelope {
  readonly sequence: number
  readonly inbox: InboxMessage
}

export type CaptureAnswer =
  | { readonly kind: 'captured'; readonly namespace: CapturedNamespace }
  | { readonly kind: 'failed'; readonly error: WireError }

/** To `inspect`, `capture`, `restore` and `reset`. */
export type Answer = InspectAnswer | CaptureAnswer | RestoreAnswer | ResetAnswer

/** What the user side sends beside the protocol's messages, through the same ring. */
export type UserSideReport =
  | { readonly type: 'configured' }
  | { readonly type: 'answered'; readonly requestId: number; readonly answer: Answer }
  | { readonly type: 'flush' }

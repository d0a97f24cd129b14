import type {
  CancelMessage,
  ExecuteMessage,
  InputResponseMessage,
  InspectAnswer,
  InspectQuery,
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
    }
  | { readonly type: 'execute'; readonly message: ExecuteMessage }
  /** Cooperative cancel; of a cell that has not started: drop it. */
  | { readonly type: 'cancel'; readonly executionId: string; readonly reason: CancelMessage['reason'] }
  /** The cell's code was terminated: settle it. */
  | { readonly type: 'terminated'; readonly executionId: string; readonly reason: CancelMessage['reason'] }
  /** One batch of what the host says of channels waits in the stream port: it moves there, and so cannot be posted again. */
  | { readonly type: 'stream' }
  | { readonly type: 'respond'; readonly message: InputResponseMessage }
  | { readonly type: 'inspect'; readonly requestId: number; readonly query: InspectQuery }
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

/** What the user side sends beside the protocol's messages, through the same ring. */
export type UserSideReport =
  | { readonly type: 'configured' }
  | { readonly type: 'inspected'; readonly requestId: number; readonly answer: InspectAnswer }
  | { readonly type: 'flush' }

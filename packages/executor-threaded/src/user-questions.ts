import type {
  CapturedNamespace,
  InspectAnswer,
  InspectQuery,
  ResetAnswer,
  RestoreAnswer,
  RestoreMode,
} from '@capsule/protocol'
import type { Answer, CaptureAnswer } from './inbox.ts'
import type { Mailbox } from './mailbox.ts'

interface Question {
  readonly answer: (answer: Answer) => void
  /** The answer, should the code that was to give it be terminated; undefined: it comes all the same. */
  readonly lost: Answer | undefined
  /** Asks for it again, should the code before it have been terminated. */
  readonly again?: (() => void) | undefined
}

const lostInspection: InspectAnswer = {
  what: 'failure',
  error: {
    name: 'CapsuleError',
    code: 'CANCELLED',
    message: 'the inspection was cancelled with the code that ran',
  },
}
const disposed: CaptureAnswer & RestoreAnswer & ResetAnswer = {
  kind: 'failed',
  error: { name: 'CapsuleError', code: 'EXECUTOR_DISPOSED', message: 'the executor was disposed' },
}

/** What the control thread asks the user side, until it is told. */
export class UserQuestions {
  readonly #mailbox: Pick<Mailbox, 'post'>
  readonly #pending = new Map<number, Question>()
  #count = 0
  #restores = 0

  constructor(mailbox: Pick<Mailbox, 'post'>) {
    this.#mailbox = mailbox
  }

  inspect(query: InspectQuery): Promise<InspectAnswer> {
    return this.#ask<InspectAnswer>(
      (requestId) => this.#mailbox.post({ type: 'inspect', requestId, query }),
      lostInspection,
    )
  }

  async capture({ limitBytes }: { limitBytes: number }): Promise<CapturedNamespace> {
    const answer = await this.#ask<CaptureAnswer>((requestId) =>
      this.#mailbox.post({ type: 'capture', requestId, limitBytes }),
    )
    if (answer.kind === 'captured') return answer.namespace
    throw Object.assign(new Error(answer.error.message), answer.error)
  }

  async restore(payload: Uint8Array, mode: RestoreMode): Promise<RestoreAnswer> {
    this.#restores++
    try {
      return await this.#ask<RestoreAnswer>((requestId) =>
        this.#mailbox.post({ type: 'restore', requestId, payload, mode }),
      )
    } finally {
      this.#restores--
    }
  }

  reset(): Promise<ResetAnswer> {
    const post = (requestId: number): void => void this.#mailbox.post({ type: 'reset', requestId })
    return this.#ask<ResetAnswer>(post, undefined, post)
  }

  /** The user side answers what it was about to restore, whatever became of it. */
  abandonRestores(): void {
    if (this.#restores > 0) this.#mailbox.post({ type: 'abandon-restore' })
  }

  answered(requestId: number, answer: Answer): void {
    this.#pending.get(requestId)?.answer(answer)
    this.#pending.delete(requestId)
  }

  /** Code of the user side was terminated: it may have been what was to answer. */
  terminated(): void {
    for (const [requestId, { lost, again }] of this.#pending) {
      if (lost !== undefined) this.answered(requestId, lost)
      again?.()
    }
    this.abandonRestores()
  }

  /** Nothing will be answered any more. */
  end(): void {
    for (const [requestId, { lost }] of this.#pending) this.answered(requestId, lost ?? disposed)
  }

  #ask<T extends Answer>(post: (requestId: number) => void, lost?: T, again?: (requestId: number) => void): Promise<T> {
    const requestId = ++this.#count
    return new Promise((resolve) => {
      this.#pending.set(requestId, {
        answer: resolve as (answer: Answer) => void,
        lost,
        again: again && (() => again(requestId)),
      })
      post(requestId)
    })
  }
}

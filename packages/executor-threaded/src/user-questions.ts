import type { Answer } from './inbox.ts'

/** What the control thread has asked the user side and not been told. */
export class UserQuestions {
  readonly #pending = new Map<
    number,
    { readonly answer: (answer: Answer) => void; readonly lost: Answer | undefined }
  >()
  #count = 0

  /** `lost`: the answer, should the code that was to give it be terminated; undefined: it comes all the same. */
  ask<T extends Answer>(post: (requestId: number) => void, lost: T | undefined): Promise<T> {
    const requestId = ++this.#count
    return new Promise((resolve) => {
      this.#pending.set(requestId, { answer: resolve as (answer: Answer) => void, lost })
      post(requestId)
    })
  }

  answered(requestId: number, answer: Answer): void {
    this.#pending.get(requestId)?.answer(answer)
    this.#pending.delete(requestId)
  }

  terminated(): void {
    for (const [requestId, { lost }] of this.#pending) if (lost !== undefined) this.answered(requestId, lost)
  }

  /** Nothing will be answered any more. */
  end(otherwise: Answer): void {
    for (const [requestId, { lost }] of this.#pending) this.answered(requestId, lost ?? otherwise)
  }
}

import { defineErrors } from '@capsule/core'

export const executorErrors = defineErrors({
  EXECUTOR_BUSY: {
    message: ({ running, limit }: { running: readonly string[]; limit: number }) =>
      `the executor already runs ${running.join(', ')} (limit ${limit})`,
    cause: 'A cell was executed while the executor ran as many as it can.',
    next: 'Wait for the running execution to settle, or cancel it.',
  },
  EXECUTOR_DISPOSED: {
    message: ({ executor }: { executor: string }) => `the ${executor} executor is disposed`,
    cause: 'A cell was executed after the executor had been disposed or asked to drain.',
    next: 'Start a new session.',
  },
  EXECUTION_INTERRUPTED: {
    message: ({ executionId }: { executionId: string }) =>
      `the code of ${executionId}, which ran beside this execution, was terminated, and this one with it`,
    cause:
      'Several cells ran at once, one of them was cancelled and the thread did not answer: terminating it reaches whatever runs there, and drops what waits to run.',
    next: 'Run the cell again; the namespace is kept. Let cells await often, raise `cooperativeMs`, or give a cell that computes for long a session of its own.',
  },
  ROUTE_UNAVAILABLE: {
    message: ({ route, available }: { route: string; available: readonly string[] }) =>
      `no executor serves the route ${route} (available: ${available.join(', ') || 'none'})`,
    cause: 'The route was pinned to an executor that this worker does not have.',
    next: "Use the route 'auto' or one of those available.",
  },
  OUTPUT_NOT_DRAINED: {
    message: ({ drainTimeoutMs, discardedBytes }: { drainTimeoutMs: number; discardedBytes: number }) =>
      `output made no progress for ${drainTimeoutMs} ms; ${discardedBytes} bytes were discarded`,
    cause: 'The cell has ended, but the reader took none of its remaining output until the drain deadline.',
    next: 'Read the events of the execution faster, or raise `drainTimeoutMs`.',
  },
  OUTPUT_OVERFLOW: {
    message: ({ bytes, bufferBytes }: { bytes: number; bufferBytes: number }) =>
      `no room for ${bytes} bytes of output (buffer of ${bufferBytes} bytes)`,
    cause: "The cell prints faster than the reader takes it, and the buffer is full with back-pressure mode 'error'.",
    next: 'Print less, read faster, raise `outputBufferBytes`, or choose another back-pressure mode.',
  },
  INPUT_EOF: {
    message: ({ prompt }: { prompt: string }) => `no more input (asked: ${JSON.stringify(prompt)})`,
    cause: 'The host answered the input request with the end of input.',
    next: 'Catch this error where input may end.',
  },
  INPUT_OUTSIDE_CELL: {
    message: ({ executionId }: { executionId: string | undefined }) =>
      executionId === undefined
        ? 'input was asked for outside of a cell'
        : `input was asked for after ${executionId} had ended`,
    cause: 'Only a running cell can ask for input; a timer or promise that it left behind cannot.',
    next: 'Ask while the cell runs, and await the answer in it.',
  },
  CAPABILITY_OUTSIDE_CELL: {
    message: ({ capability, executionId }: { capability: string; executionId: string | undefined }) =>
      executionId === undefined
        ? `${capability} was called outside of a cell`
        : `${capability} was called after ${executionId} had ended`,
    cause: 'Only a running cell can call a capability; a timer or promise that it left behind cannot.',
    next: 'Call it while the cell runs, and await the answer in it.',
  },
  CAPABILITY_CALLS_PENDING: {
    message: ({ capability, maxPendingCalls }: { capability: string; maxPendingCalls: number }) =>
      `${capability} was not called: ${maxPendingCalls} calls wait for their answers already`,
    cause: 'Cells make calls faster than they are answered.',
    next: 'Await calls before making more of them.',
  },
  CAPABILITY_CALL_INVALID: {
    message: ({ capability, problem }: { capability: string; problem: string }) => `${capability}: ${problem}`,
    cause:
      'An argument cannot be sent to the host (a function, a handle, too large or too deep), or a call option is wrong.',
    next: 'Pass plain data, bytes or, where the capability takes one, a stream; split what is too large.',
  },
  CAPABILITY_BODY_TOO_LARGE: {
    message: ({ capability, limitBytes }: { capability: string; limitBytes: number }) =>
      `the body of ${capability} has more than ${limitBytes} bytes`,
    cause: 'The body of a reply was asked for as a whole and is larger than one value may be.',
    next: 'Read it piece by piece: `for await (const chunk of reply.body)`.',
  },
  CAPABILITY_BODY_USED: {
    message: ({ capability }: { capability: string }) => `the body of ${capability} was read already`,
    cause: 'A body comes once: `text()`, `json()`, `bytes()` or one loop over `body`.',
    next: 'Keep what was read, or call the capability again.',
  },
  SYNC_INPUT_UNAVAILABLE: {
    message: ({ executor, maxConcurrent = 1 }: { executor: string; maxConcurrent?: number }) =>
      maxConcurrent > 1
        ? `prompt() cannot block where ${maxConcurrent} cells may run at once`
        : `prompt() cannot block in the ${executor} executor`,
    cause:
      'The thread that would wait also reads the answer (async executor), or runs the other cells of the session (`maxConcurrentExecutions` above 1).',
    next: 'Use `await input()`; or a session with the threaded executor that runs one cell at a time.',
  },
})

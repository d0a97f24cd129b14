/** Limits of the engine that are not options; each bounds what cells can make the worker keep. */
export const engineLimits = {
  /** Cells: entries of `In` and `Out`, and sources whose positions are still mapped. */
  history: 1000,
  /** Compiled scripts that are kept for the next time the same code runs. */
  scripts: 256,
  /** Characters; longer code is compiled anew each time. */
  cachedCode: 65_536,
  /** Characters of cells with functions, kept for a snapshot of those functions. */
  functionSources: 32 * 1024 * 1024,
  /** Bindings in one `namespace` answer and names in one `completions` answer. */
  answers: 1000,
  /** Characters of one line of a `namespace` answer. */
  preview: 80,
  /** Characters of the source line shown with a syntax error. */
  excerpt: 120,
  /** Characters of an error's name, message and stack. */
  errorName: 200,
  errorMessage: 16_384,
  errorStack: 32_768,
  /** What a reset names. */
  resetReport: 100,
  /** How far `cause` is followed, how many errors of an AggregateError are taken, and how many errors in all. */
  errorDepth: 8,
  errorSiblings: 20,
  errorTotal: 100,
} as const

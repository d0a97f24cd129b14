/** Where a host of the kill tests may end: between any two of its steps that leave a mark outside of it. */
export const killPoints = [
  'before-create',
  'before-send',
  'mid-cell',
  'asked',
  'before-answer-saved',
  'answered',
  'before-call-saved',
  'called',
  'mid-call',
  'before-outcome-saved',
  'before-reply',
  'worker-mid-cell',
  'worker-asked',
] as const
export type KillPoint = (typeof killPoints)[number]

/** How one host of a round is started, and where it ends; `at-random`: whenever its parent ends it. */
export interface HostOrders {
  readonly folder: string
  readonly store: string
  /** Tells the hosts of a round apart. */
  readonly host: number
  readonly killAt?: KillPoint | undefined
}

/** A line that a host adds to the book of its round, for what must not be lost with it. */
export type BookLine =
  | { readonly type: 'asked'; readonly host: number; readonly n: number }
  /** The store has acknowledged it. */
  | { readonly type: 'saved'; readonly host: number; readonly id: string; readonly state: string }
  | { readonly type: 'effect'; readonly host: number; readonly attempt: number; readonly key: string }
  | { readonly type: 'killed'; readonly host: number; readonly at: KillPoint }

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

/** Where a host has its parent kill the database, and goes on when it is gone. */
export const databasePoints = [
  'database-before-create',
  'database-before-send',
  'database-before-answer-saved',
  'database-before-call-saved',
  'database-before-outcome-saved',
] as const
export type DatabasePoint = (typeof databasePoints)[number]

/** How one host of a round is started, and where it or its database ends; nowhere: whenever its parent ends them. */
export interface HostOrders {
  readonly folder: string
  /** Tells the hosts of a round apart. */
  readonly host: number
  readonly killAt?: KillPoint | DatabasePoint | undefined
  readonly leaseMs?: number | undefined
}

/** To the parent; it answers with any message. */
export interface KillDatabase {
  readonly type: 'kill-database'
}

/** A line that a host adds to the book of its round, for what must not be lost with it. */
export type BookLine =
  | { readonly type: 'asked'; readonly host: number; readonly n: number }
  /** The store has acknowledged it. */
  | { readonly type: 'saved'; readonly host: number; readonly id: string; readonly state: string }
  /** This host has begun it. */
  | { readonly type: 'attempt'; readonly host: number; readonly id: string }
  | { readonly type: 'effect'; readonly host: number; readonly attempt: number; readonly key: string }
  | { readonly type: 'killed'; readonly host: number; readonly at: KillPoint }

/** Host-side sessions: ordered events in, exactly one truthful outcome out. */
export type * from './session.ts'

export {}
export function describeSessionContract(): void {}
export interface SessionContractOptions {}

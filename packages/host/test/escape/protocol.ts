export const protocolAttacks = []

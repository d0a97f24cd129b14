export const limitAttacks = []

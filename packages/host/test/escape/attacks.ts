import { type Attack } from './attack.ts'
import { environmentAttacks } from './environment.ts'
import { fileAttacks } from './files.ts'
import { limitAttacks } from './limits.ts'
import { networkAttacks } from './network.ts'
import { processAttacks } from './process.ts'
import { protocolAttacks } from './protocol.ts'
import { realmAttacks } from './realm.ts'

/** All attacks, in the order of their groups. */
export const attacks: readonly Attack[] = [
  ...fileAttacks,
  ...processAttacks,
  ...networkAttacks,
  ...environmentAttacks,
  ...realmAttacks,
  ...limitAttacks,
  ...protocolAttacks,
]

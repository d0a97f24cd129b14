import type { InspectAnswer, InspectQuery } from '@capsule/protocol'
import type { Bindings } from '../bindings.ts'
import { withIntrinsics } from '../intrinsics.ts'
import { completeNames } from './complete-names.ts'
import { judgeCompleteness } from './judge-completeness.ts'
import { summariseNamespace } from './summarise-namespace.ts'

export interface InspectedEngine {
  readonly bindings: Bindings
  /** @throws when the code is not a cell */
  readonly parse: (code: string) => void
}

/** Looks at the namespace without running code of cells. */
export function answerQuery(query: InspectQuery, { bindings, parse }: InspectedEngine): InspectAnswer {
  return withIntrinsics((): InspectAnswer => {
    switch (query.what) {
      case 'namespace':
        return summariseNamespace(bindings)
      case 'completions':
        return completeNames(query.code, query.cursor)
      case 'completeness':
        return { what: 'completeness', status: judgeCompleteness(query.code, parse) }
    }
  })
}

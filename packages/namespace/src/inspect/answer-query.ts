import type { InspectAnswer, InspectQuery } from '@capsule/protocol'
import type { Bindings } from '../bindings.ts'
import type { CellPreparer } from '../cell-preparer.ts'
import type { History } from '../history.ts'

export interface InspectedEngine {
  readonly bindings: Bindings
  readonly history: History
  readonly preparer: CellPreparer
}

export function answerQuery(query: InspectQuery, _engine: InspectedEngine): InspectAnswer {
  switch (query.what) {
    case 'namespace':
      return { what: 'namespace', bindings: [] }
    case 'completions':
      return { what: 'completions', names: [], from: query.cursor }
    case 'completeness':
      return { what: 'completeness', status: 'complete' }
  }
}

import { defineConfig } from 'tsup'
import { library } from '../../tools/tsup-library.ts'
import { workerBundle } from '../../tools/worker-bundle.ts'

export default defineConfig([library({ index: 'src/index.ts' }), workerBundle('dist')])

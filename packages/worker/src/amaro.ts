/** A file of its own beside the worker's, loaded by the first cell that needs more than type stripping: it is 3 MB of WebAssembly. */
export { transformSync } from 'amaro'

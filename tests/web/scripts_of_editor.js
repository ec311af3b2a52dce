/** Stands in for the editor's own `scripts/`: what is asked of the server goes to `globalThis.fetchApi`. */
import { registerHooks } from "node:module";

const CODE = "export const app = { registerExtension() {} }; export const api = { addEventListener() {}, fetchApi: (...asked) => globalThis.fetchApi(...asked) };";
const url = `data:text/javascript,${encodeURIComponent(CODE)}`;
const isOfEditor = (name) => /\/scripts\/(api|app)\.js$/.test(name);

registerHooks({ resolve: (name, context, next) => (isOfEditor(name) ? { url, shortCircuit: true } : next(name, context)) });
globalThis.document = { querySelector: () => true, getElementById: () => null }; // it has all stylesheets

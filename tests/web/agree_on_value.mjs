/** What the editor takes for edits, and how it writes them: `node agree_on_value.mjs < texts.json`. */
import { readFileSync } from "node:fs";
import { formatEdits, parseEdits } from "../../web/js/editing/edit_value.js";

const texts = JSON.parse(readFileSync(0, "utf8"));
const told = texts.map((text) => {
  const { edits, problem } = parseEdits(text);
  return problem ? null : formatEdits(edits);
});
console.log(JSON.stringify(told));

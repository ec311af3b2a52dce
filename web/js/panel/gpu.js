/** The GPU: what is loaded, and when it will be let go. */
import { app } from "../../../../scripts/app.js";
import { element } from "../lib/dom.js";
import { bytes, duration } from "../lib/format.js";
import { get, post } from "../lib/server.js";
import { word } from "../lib/words.js";
import { bar, button, facts, section, tell } from "./section.js";

function waiting(state) {
  if (state.busy) return word("working");
  if (state.unload_in_seconds == null) return word("idle for {time}", { time: duration(state.idle_seconds) });
  return word("idle; models leave in {time}", { time: duration(state.unload_in_seconds) });
}

async function prewarm() {
  const { output } = await app.graphToPrompt();
  await post("/prewarm", { prompt: output });
  tell("info", word("The models of this workflow are being loaded."));
}

export function gpuSection() {
  const unload = button(
    word("Unload now"),
    async () => {
      await post("/unload");
      await refresh();
    },
    word("Let go of all models as soon as nothing runs"),
  );
  const load = button(word("Prewarm"), prewarm, word("Load the models of the workflow that is open, ahead of its run"));
  const { root, show } = section(word("GPU"), element("div", { className: "frugal-buttons" }, unload, load));

  async function refresh() {
    const state = await get("/gpu");
    const used = state.total_bytes - state.free_bytes;
    const part = { part: bytes(used), whole: bytes(state.total_bytes) };
    const models = state.models.map((model) => [model.name, word("{size} on {device}", { size: bytes(model.bytes), device: model.device })]);
    show(
      facts([
        [word("Device"), state.device],
        [word("Memory"), word("{part} of {whole} in use", part)],
        [word("State"), waiting(state)],
      ]),
      bar(used / state.total_bytes, word("memory in use")),
      models.length ? facts(models) : element("p", { textContent: word("No model is loaded. The next run loads what it needs.") }),
    );
  }
  return { root, refresh };
}

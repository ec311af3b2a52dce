/** The GPU: what is loaded, and when it will be let go. */
import { app } from "../../../../scripts/app.js";
import { element } from "../lib/dom.js";
import { bytes, duration } from "../lib/format.js";
import { get, post } from "../lib/server.js";
import { bar, button, facts, section, tell } from "./section.js";

function waiting(state) {
  if (state.busy) return "working";
  if (state.unload_in_seconds == null) return `idle for ${duration(state.idle_seconds)}`;
  return `idle; models leave in ${duration(state.unload_in_seconds)}`;
}

async function prewarm() {
  const { output } = await app.graphToPrompt();
  await post("/prewarm", { prompt: output });
  tell("info", "The models of this workflow are being loaded.");
}

export function gpuSection() {
  const unload = button(
    "Unload now",
    async () => {
      await post("/unload");
      await refresh();
    },
    "Let go of all models as soon as nothing runs",
  );
  const load = button("Prewarm", prewarm, "Load the models of the workflow that is open, ahead of its run");
  const { root, show } = section("GPU", element("div", { className: "frugal-buttons" }, unload, load));

  async function refresh() {
    const state = await get("/gpu");
    const used = state.total_bytes - state.free_bytes;
    const models = state.models.map((model) => [model.name, `${bytes(model.bytes)} on ${model.device}`]);
    show(
      facts([
        ["Device", state.device],
        ["Memory", `${bytes(used)} of ${bytes(state.total_bytes)} in use`],
        ["State", waiting(state)],
      ]),
      bar(used / state.total_bytes, "memory in use"),
      models.length ? facts(models) : element("p", { textContent: "No model is loaded. The next run loads what it needs." }),
    );
  }
  return { root, refresh };
}

/** What the workflow that is open will cost, before it runs. */
import { app } from "../../../../scripts/app.js";
import { element } from "../lib/dom.js";
import { dollars, duration } from "../lib/format.js";
import { get, post } from "../lib/server.js";
import { bar, button, facts, section } from "./section.js";

const known = (value, shown) => (value == null ? "not known yet: run once, or choose a card" : shown(value));

function found(estimate) {
  const money = estimate.price
    ? [
        ["This workflow", known(estimate.dollars, dollars)],
        ["The naive way", known(estimate.naive_dollars, dollars)],
      ]
    : [["The naive way", known(estimate.naive_seconds, duration)]];
  const most = Math.max(...estimate.savings.map((saving) => Math.abs(saving.seconds)), 0);
  return [
    facts([
      ["On the GPU", known(estimate.seconds, duration)],
      ...money,
      ["Memory", estimate.peak_memory_bytes ? `about ${(estimate.peak_memory_bytes / 1e9).toFixed(1)} GB` : "-"],
    ]),
    element("ul", {}, estimate.savings.map((saving) => row(saving, most))),
    estimate.advice ? element("p", { textContent: estimate.advice.text }) : null,
    estimate.notes.map((note) => element("p", { textContent: note })),
  ];
}

function row(saving, most) {
  const words = saving.seconds >= 0 ? "saves" : "costs";
  const amount = duration(Math.abs(saving.seconds));
  return element(
    "li",
    { title: `${saving.name} ${words} ${amount}` },
    element("span", { className: "frugal-name", textContent: saving.name }),
    bar(most ? Math.abs(saving.seconds) / most : 0, `${saving.name} ${words} ${amount}`),
    element("span", { className: "frugal-value", textContent: `${saving.seconds >= 0 ? "-" : "+"}${amount}` }),
  );
}

export function estimateSection() {
  const { root, show } = section("Estimate");
  const gpu = element("select", { "aria-label": "GPU" });
  const budget = element("input", { type: "number", min: 0, step: 0.01, placeholder: "none", "aria-label": "Budget in dollars per clip" });
  const result = element("div", { "aria-live": "polite" });
  const estimate = button(
    "Estimate this workflow",
    async () => {
      const { output } = await app.graphToPrompt();
      const options = { gpu: gpu.value, budget: Number(budget.value) || 0 };
      result.replaceChildren(...found(await post("/estimate", { prompt: output, options })).flat().filter(Boolean));
    },
    "Nothing is sampled and no weights are loaded",
  );

  async function refresh() {
    if (gpu.options.length) return;
    const { names } = await get("/gpus");
    gpu.replaceChildren(...names.map((name) => element("option", { value: name, textContent: name })));
    show(
      facts([
        ["GPU", gpu],
        ["Budget, $", budget],
      ]),
      element("div", { className: "frugal-buttons" }, estimate),
      result,
    );
  }
  return { root, refresh };
}

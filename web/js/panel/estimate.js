/** What the workflow that is open will cost, before it runs. */
import { app } from "../../../../scripts/app.js";
import { element } from "../lib/dom.js";
import { decimals, dollars, duration } from "../lib/format.js";
import { get, post } from "../lib/server.js";
import { word } from "../lib/words.js";
import { bar, button, facts, section } from "./section.js";

const known = (value, shown) => (value == null ? word("not known yet: run once, or choose a card") : shown(value));

function found(estimate) {
  const money = estimate.price
    ? [
        [word("This workflow"), known(estimate.dollars, dollars)],
        [word("The naive way"), known(estimate.naive_dollars, dollars)],
      ]
    : [[word("The naive way"), known(estimate.naive_seconds, duration)]];
  const most = Math.max(...estimate.savings.map((saving) => Math.abs(saving.seconds)), 0);
  return [
    facts([
      [word("On the GPU"), known(estimate.seconds, duration)],
      ...money,
      [word("Memory"), estimate.peak_memory_bytes ? word("about {value} GB", { value: decimals(estimate.peak_memory_bytes / 1e9, 1) }) : "-"],
    ]),
    element("ul", {}, estimate.savings.map((saving) => row(saving, most))),
    estimate.advice ? element("p", { textContent: estimate.advice.text }) : null,
    estimate.notes.map((note) => element("p", { textContent: note })),
  ];
}

function row(saving, most) {
  const amount = duration(Math.abs(saving.seconds));
  const name = nameOf(saving);
  const title = saving.seconds >= 0 ? word("{name} saves {amount}", { name, amount }) : word("{name} costs {amount}", { name, amount });
  return element(
    "li",
    { title },
    element("span", { className: "frugal-name", textContent: name }),
    bar(most ? Math.abs(saving.seconds) / most : 0, title),
    element("span", { className: "frugal-value", textContent: `${saving.seconds >= 0 ? "-" : "+"}${amount}` }),
  );
}

/** A card's name; the server has one in English for the card that is there. */
const cardWord = (name) => (name === "this machine" ? word("this machine") : name);

/** What the server calls "keyframes" and the like. */
function nameOf({ name }) {
  const names = {
    "frame rate": word("frame rate"),
    "ControlNet on keyframes": word("ControlNet on keyframes"),
    keyframes: word("keyframes"),
    "fewer steps": word("fewer steps"),
    size: word("size"),
    "not generated": word("not generated"),
    "half precision": word("half precision"),
    "upscale order": word("upscale order"),
    cache: word("cache"),
    "control range": word("control range"),
  };
  return names[name] ?? name;
}

export function estimateSection() {
  const { root, show } = section(word("Estimate"));
  const gpu = element("select", { "aria-label": word("GPU") });
  const label = word("Budget in dollars per clip");
  const budget = element("input", { type: "number", min: 0, step: 0.01, placeholder: word("none"), "aria-label": label });
  const result = element("div", { "aria-live": "polite" });
  const estimate = button(
    word("Estimate this workflow"),
    async () => {
      const { output } = await app.graphToPrompt();
      const options = { gpu: gpu.value, budget: Number(budget.value) || 0 };
      result.replaceChildren(...found(await post("/estimate", { prompt: output, options })).flat().filter(Boolean));
    },
    word("Nothing is sampled and no weights are loaded"),
  );

  async function refresh() {
    if (gpu.options.length) return;
    const { names } = await get("/gpus");
    gpu.replaceChildren(...names.map((name) => element("option", { value: name, textContent: cardWord(name) })));
    show(
      facts([
        [word("GPU"), gpu],
        [word("Budget, $"), budget],
      ]),
      element("div", { className: "frugal-buttons" }, estimate),
      result,
    );
  }
  return { root, refresh };
}

/** What the last runs have cost, stage by stage. */
import { element, keyed } from "../lib/dom.js";
import { dollars, duration } from "../lib/format.js";
import { get } from "../lib/server.js";
import { language, listed, named, word } from "../lib/words.js";
import { section } from "./section.js";

const SHOWN = 8;

function stage(cost, longest) {
  const time = cost.cached ? word("cached") : duration(cost.seconds);
  const seconds = element("span", { className: "frugal-value", textContent: time });
  const fill = element("span", { className: cost.device === "cpu" ? "frugal-fill frugal-cpu" : "frugal-fill" });
  fill.style.width = `${longest ? (100 * cost.seconds) / longest : 0}%`;
  const words = named(listed(cost.stage, cost.device), time);
  return element(
    "li",
    { title: words },
    element("span", { className: "frugal-name", textContent: cost.stage }),
    element("div", { className: "frugal-bar" }, fill),
    seconds,
  );
}

/** The newest is open, until the user opens or closes it. */
function run({ record }) {
  const longest = Math.max(...record.stages.map((cost) => cost.seconds));
  const price = record.price && dollars(record.dollars);
  const failed = record.status === "error" && word("failed");
  const when = new Date(1000 * record.ended).toLocaleTimeString(language());
  const total = duration(record.prompt_seconds ?? record.total_seconds);
  const summary = element("summary", { textContent: named(when, listed(total, price, failed)) });
  const stages = element("ul", {}, record.stages.map((cost) => stage(cost, longest)));
  const root = element("details", {}, summary, stages);
  let isChosen = false;
  summary.addEventListener("click", () => (isChosen = true));
  return { root, update: ({ isNewest }) => isChosen || (root.open = isNewest) };
}

export function runsSection() {
  const { root, show } = section(word("Last runs"));
  const list = element("div");
  const update = keyed(list, run);

  async function refresh() {
    const { runs } = await get(`/runs?limit=${SHOWN}`);
    update(runs.map((record, place) => [record.run, { record, isNewest: place === 0 }]));
    const nothing = () => word("Nothing has run yet. Every run of the pack's nodes will be listed here.");
    if (!runs.length) show(element("p", { textContent: nothing() }));
    else if (!list.isConnected) show(list);
  }
  return { root, refresh };
}

/** The machines that jobs run on, and what they cost; nothing where this ComfyUI runs them itself. */
import { element, keyed } from "../lib/dom.js";
import { dollars } from "../lib/format.js";
import { get } from "../lib/server.js";
import { counted, listed, word } from "../lib/words.js";
import {
  cardName,
  memoryWords,
  modelName,
  nowWords,
  perClipWords,
  quarantineWords,
  queueWords,
  reasonWords,
  sorted,
  split,
  stateWord,
  todayWords,
  troubleWords,
  workersWords,
} from "./fleet_words.js";
import { facts, section } from "./section.js";

const SHOWN = 50;

/** Long names of files go on in the next line where a part of them ends. */
function breakable(text) {
  return text.split(/(?<=[_-])/).flatMap((part, place) => (place ? [element("wbr"), part] : [part]));
}

function row(first) {
  const state = element("span", { className: "frugal-state" });
  const reason = element("span", { className: "frugal-reason" });
  const name = element(
    "th",
    { scope: "row", title: word("{worker} on {machine}", { worker: first.worker, machine: first.node || word("an unknown machine") }) },
    element("span", { textContent: cardName(first.card), title: first.card }),
    state,
    reason,
  );
  const holds = element("td");
  const [jobs, price] = [element("td", { className: "frugal-value" }), element("td", { className: "frugal-value" })];
  const update = (worker) => {
    state.dataset.state = worker.state;
    state.textContent = stateWord(worker.state);
    reason.textContent = reasonWords(worker);
    const lines = [listed(...worker.loaded.map(modelName)) || word("no model"), memoryWords(worker)].filter(Boolean);
    holds.replaceChildren(...lines.map((line) => element("span", {}, breakable(line))));
    holds.title = worker.loaded.join("\n");
    jobs.textContent = worker.jobs;
    price.textContent = worker.price ? dollars(worker.price) : "-";
  };
  return { root: element("tr", {}, name, holds, jobs, price), update };
}

/** A bar of several colours, and beside each the word for it. */
function splitBar(today) {
  const parts = split(today);
  if (!parts.length) return null;
  const fills = parts.map(({ kind, share }) => {
    const fill = element("span", { className: "frugal-fill" });
    fill.dataset.kind = kind;
    fill.style.width = `${100 * share}%`;
    return fill;
  });
  const words = parts.map(({ kind, words: textContent, title }) => {
    const made = element("li", { textContent, title });
    made.dataset.kind = kind;
    return made;
  });
  return element(
    "div",
    { className: "frugal-split" },
    element("div", { className: "frugal-bar", "aria-hidden": "true" }, fills),
    element("ul", { "aria-label": word("What today's dollars were paid for") }, words),
  );
}

export function fleetSection() {
  const { root, show } = section(word("Fleet"));
  const trouble = element("p", { className: "frugal-trouble", role: "status" });
  const list = element("tbody");
  const update = keyed(list, row);
  const columns = [word("Worker"), word("Holds"), word("Jobs"), word("$/h")];
  const heads = columns.map((textContent) => element("th", { scope: "col", textContent }));
  const table = element("table", { "aria-label": word("Workers") }, element("thead", {}, element("tr", {}, heads)), list);
  const [more, money] = [element("p"), element("div")];
  root.hidden = true;
  show(trouble, money, table, more);

  async function refresh() {
    // A refusal, as for want of the token, is no trouble: the fleet is not for this browser. What was shown stays.
    const fleet = await get("/fleet").catch(() => null);
    if (!fleet) return;
    root.hidden = !fleet.address;
    if (root.hidden) return;
    const words = [troubleWords(fleet), quarantineWords(fleet.quarantined)].filter(Boolean).join(" ");
    if (trouble.textContent !== words) trouble.textContent = words; // or it would be read out again
    trouble.title = fleet.quarantined.join("\n");
    money.replaceChildren(
      facts([
        [word("Workers"), workersWords(fleet)],
        [word("Queue"), queueWords(fleet)],
        [word("Now"), nowWords(fleet)],
        [word("Today"), todayWords(fleet.today)],
        [word("Per clip"), perClipWords(fleet.today)],
      ]),
      ...[splitBar(fleet.today)].filter(Boolean),
    );
    const workers = sorted(fleet.workers);
    table.hidden = !workers.length;
    update(workers.slice(0, SHOWN).map((worker) => [worker.worker, worker]));
    const left = workers.length - SHOWN;
    more.textContent = left > 0 ? counted(left, word("and {count} more"), word("and {count} more")) : "";
  }
  return { root, refresh };
}

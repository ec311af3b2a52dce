/** The models of the shipped workflows: what is there, what is missing, and how it gets there. */
import { element, keyed } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { get, post } from "../lib/server.js";
import { word } from "../lib/words.js";
import { bar, button, section } from "./section.js";

const EVERY = 1000; // milliseconds, while something is downloaded

function words(model) {
  if (model.path) return [element("span", { textContent: word("there"), title: model.path })];
  if (model.downloading) {
    const { bytes: done, total } = model.downloading;
    return [bar(total ? done / total : 0, total ? word("{part} of {whole}", { part: bytes(done), whole: bytes(total) }) : bytes(done))];
  }
  if (model.can_download) return [];
  return [word("missing"), word(", "), element("a", { href: model.url, target: "_blank", rel: "noopener", textContent: word("link") })];
}

function row(first, refresh) {
  const { name, folder, licence, url } = first;
  const told = element("span");
  const trouble = element("p", { className: "frugal-trouble" });
  const download = button(word("Download"), () => post("/models/download", { name }).then(refresh), `${licence}; ${url}`);
  const cancel = button(word("Cancel"), () => post("/models/cancel", { name }).then(refresh));
  const update = (model) => {
    told.replaceChildren(...words(model));
    trouble.textContent = model.error ?? "";
    download.hidden = Boolean(model.path || model.downloading || !model.can_download);
    cancel.hidden = !model.downloading;
  };
  const title = element("span", { className: "frugal-name", textContent: name, title: `models/${folder}/${name}` });
  return { root: element("li", {}, title, element("span", {}, told, download, cancel), trouble), update };
}

export function modelsSection() {
  const { root, show } = section(word("Models"));
  const list = element("ul", { className: "frugal-models" });
  const update = keyed(list, (model) => row(model, refresh));
  show(list);

  async function refresh() {
    const { models } = await get("/models");
    update(models.map((model) => [`${model.folder}/${model.name}`, model]));
    if (root.isConnected && models.some((model) => model.downloading)) setTimeout(() => refresh().catch(() => {}), EVERY);
  }
  return { root, refresh };
}

/** The models of the shipped workflows: what is there, what is missing, and how it gets there. */
import { element } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { get, post } from "../lib/server.js";
import { bar, button, section } from "./section.js";

const EVERY = 1000; // milliseconds, while something is downloaded

function state(model, refresh) {
  if (model.path) return element("span", { textContent: "there", title: model.path });
  if (model.downloading) {
    const { bytes: done, total } = model.downloading;
    const words = total ? `${bytes(done)} of ${bytes(total)}` : bytes(done);
    return element(
      "span",
      {},
      bar(total ? done / total : 0, words),
      button("Cancel", () => post("/models/cancel", { name: model.name }).then(refresh)),
    );
  }
  const link = element("a", { href: model.url, target: "_blank", rel: "noopener", textContent: "link" });
  if (!model.can_download) return element("span", {}, "missing, ", link);
  const name = model.name;
  const fetch = button("Download", () => post("/models/download", { name }).then(refresh), `${model.licence}; ${model.url}`);
  return element("span", {}, fetch);
}

export function modelsSection() {
  const { root, show } = section("Models");

  async function refresh() {
    const { models } = await get("/models");
    show(
      element(
        "ul",
        { className: "frugal-models" },
        models.map((model) =>
          element(
            "li",
            {},
            element("span", { className: "frugal-name", textContent: model.name, title: `models/${model.folder}/${model.name}` }),
            state(model, refresh),
            model.error ? element("p", { className: "frugal-trouble", textContent: model.error }) : null,
          ),
        ),
      ),
    );
    if (root.isConnected && models.some((model) => model.downloading)) setTimeout(() => refresh().catch(() => {}), EVERY);
  }
  return { root, refresh };
}

/** What the cache holds and has spared. */
import { app } from "../../../../scripts/app.js";
import { element } from "../lib/dom.js";
import { bytes, dollars, duration, hitRate } from "../lib/format.js";
import { get, post } from "../lib/server.js";
import { bar, button, facts, section, tell } from "./section.js";

const DAYS = 30;

export function cacheSection() {
  const purge = async (wanted, words) => {
    const sure = await app.extensionManager.dialog.confirm({ title: "Purge the cache", message: words });
    if (!sure) return;
    const { dropped } = await post("/cache/purge", wanted);
    tell("info", `${dropped.length} entries dropped, ${bytes(dropped.reduce((sum, entry) => sum + entry.bytes, 0))}.`);
    await refresh();
  };
  const verify = async () => {
    const { dropped } = await post("/cache/verify");
    tell("info", dropped.length ? `${dropped.length} damaged entries dropped.` : "All entries are whole.");
    await refresh();
  };
  const buttons = element(
    "div",
    { className: "frugal-buttons" },
    button(`Purge unused for ${DAYS} days`, () => purge({ unused_days: DAYS }, `Drop what was not used for ${DAYS} days?`)),
    button("Purge all", () => purge({ unused_days: 0 }, "Drop everything but what is pinned?")),
    button("Verify", verify, "Read every entry and drop what is damaged"),
  );
  const { root, show } = section("Cache", buttons);

  async function refresh() {
    const state = await get("/cache");
    buttons.hidden = !state.entries.length;
    if (!state.entries.length) {
      show(element("p", { textContent: "Nothing is kept yet. Put a Hash Cache behind what is dear; poses and plans are kept without." }));
      return;
    }
    const limit = state.limit_bytes ? ` of ${bytes(state.limit_bytes)}` : "";
    const money = state.dollars_saved ? `, ${dollars(state.dollars_saved)}` : "";
    show(
      facts([
        ["Kept", `${state.entries.length} entries, ${bytes(state.bytes)}${limit}`],
        ["Hit rate", hitRate(state.hits, state.misses)],
        ["Saved", `${duration(state.seconds_saved)}${money} since the start`],
        ["Folder", state.folder],
      ]),
      state.limit_bytes ? bar(state.bytes / state.limit_bytes, "of the limit in use") : null,
    );
  }
  return { root, refresh };
}

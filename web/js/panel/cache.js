/** What the cache holds and has spared. */
import { app } from "../../../../scripts/app.js";
import { element } from "../lib/dom.js";
import { bytes, dollars, duration, hitRate } from "../lib/format.js";
import { get, post } from "../lib/server.js";
import { counted, listed, word } from "../lib/words.js";
import { bar, button, facts, section, tell } from "./section.js";

const DAYS = 30;

export function cacheSection() {
  const purge = async (wanted, words) => {
    const sure = await app.extensionManager.dialog.confirm({ title: word("Purge the cache"), message: words });
    if (!sure) return;
    const { dropped } = await post("/cache/purge", wanted);
    const size = bytes(dropped.reduce((sum, entry) => sum + entry.bytes, 0));
    tell("info", listed(counted(dropped.length, word("{count} entry dropped"), word("{count} entries dropped")), size));
    await refresh();
  };
  const verify = async () => {
    const { dropped } = await post("/cache/verify");
    const damaged = () => counted(dropped.length, word("{count} damaged entry dropped"), word("{count} damaged entries dropped"));
    tell("info", dropped.length ? damaged() : word("All entries are whole."));
    await refresh();
  };
  const buttons = element(
    "div",
    { className: "frugal-buttons" },
    button(word("Purge unused for {days} days", { days: DAYS }), () =>
      purge({ unused_days: DAYS }, word("Drop what was not used for {days} days?", { days: DAYS })),
    ),
    button(word("Purge all"), () => purge({ unused_days: 0 }, word("Drop everything but what is pinned?"))),
    button(word("Verify"), verify, word("Read every entry and drop what is damaged")),
  );
  const { root, show } = section(word("Cache"), buttons);

  async function refresh() {
    const state = await get("/cache");
    buttons.hidden = !state.entries.length;
    if (!state.entries.length) {
      const textContent = word("Nothing is kept yet. Put a Hash Cache behind what is dear; poses and plans are kept without.");
      show(element("p", { textContent }));
      return;
    }
    const { limit_bytes: limit } = state;
    const kept = limit ? word("{part} of {whole}", { part: bytes(state.bytes), whole: bytes(limit) }) : bytes(state.bytes);
    const amount = listed(duration(state.seconds_saved), state.dollars_saved && dollars(state.dollars_saved));
    show(
      facts([
        [word("Kept"), listed(counted(state.entries.length, word("{count} entry"), word("{count} entries")), kept)],
        [word("Hit rate"), hitRate(state.hits, state.misses)],
        [word("Saved"), word("{amount} since the start", { amount })],
        [word("Folder"), state.folder],
      ]),
      limit ? bar(state.bytes / limit, word("of the limit in use")) : null,
    );
  }
  return { root, refresh };
}

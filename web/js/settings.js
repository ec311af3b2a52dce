/**
 * The pack's settings in ComfyUI's settings dialog. The server keeps them (user/frugal-motion/settings.json) and says
 * what there is, what it means and what it may be; the dialog only shows and changes them.
 */
import { app } from "../../../scripts/app.js";
import { get, post } from "./lib/server.js";
import { tell } from "./panel/section.js";

const ROUTE = "/settings";
const PREFIX = "FrugalMotion.";
const TYPES = { boolean: "boolean", integer: "number", number: "number", string: "text" };
const GROUPS = { cache: "Cache", idle: "Idle GPU", gpu: "Cost", meter: "Cost" }; // by the first word of the name

/** What ComfyUI's settings dialog wants to know of a setting. */
function shown(name, state, change) {
  const { title, type, description, default: defaultValue, minimum, maximum } = state.schema[name];
  const fixed = state.from_environment.includes(name);
  return {
    id: PREFIX + name,
    name: title,
    category: ["Frugal Motion", fixed ? "Set by the environment" : GROUPS[name.split("_")[0]], title],
    type: TYPES[type],
    defaultValue,
    tooltip: description,
    attrs: { min: minimum, max: maximum, step: type === "number" ? 0.5 : 1, maxFractionDigits: 2, disabled: fixed },
    onChange: (value) => change(name, value),
  };
}

async function register() {
  let state = await get(ROUTE);
  let following = false; // the dialog's own values are those of the browser's user until the server's are shown

  const show = () => {
    following = false;
    for (const name of names) app.extensionManager.setting.set(PREFIX + name, state.values[name]);
    following = true;
  };
  const change = async (name, value) => {
    if (!following || value === state.values[name] || value == null) return;
    try {
      state = await post(ROUTE, { [name]: value });
    } catch (error) {
      tell("error", error.message);
      show();
    }
  };
  const names = Object.keys(state.values).filter((name) => !state.not_over_http.includes(name));

  app.registerExtension({
    name: "FrugalMotion.settings",
    settings: names.map((name) => shown(name, state, change)),
    setup: show,
  });
}

await register();

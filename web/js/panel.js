/** The side panel: the GPU, the fleet, what runs will cost and have cost, jobs, the cache and the models. */
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { element, stylesheet } from "./lib/dom.js";
import { onceAtATime } from "./lib/once.js";
import { word } from "./lib/words.js";
import { cacheSection } from "./panel/cache.js";
import { estimateSection } from "./panel/estimate.js";
import { fleetSection } from "./panel/fleet.js";
import { gpuSection } from "./panel/gpu.js";
import { jobsSection } from "./panel/jobs.js";
import { modelsSection } from "./panel/models.js";
import { runsSection } from "./panel/runs.js";

const EVERY = 2000; // milliseconds

/** Fill the panel; gives what stops it. */
function fill(root) {
  const shown = ({ root, refresh }) => ({ root, refresh: onceAtATime(refresh) });
  const [gpu, fleet, jobs] = [gpuSection(), fleetSection(), jobsSection()].map(shown);
  const [estimate, runs, cache, models] = [estimateSection(), runsSection(), cacheSection(), modelsSection()].map(shown);
  const parts = [gpu, fleet, estimate, runs, jobs, cache, models];
  const trouble = element("p", { className: "frugal-trouble", role: "status" });
  root.replaceChildren(element("div", { className: "frugal-side" }, trouble, ...parts.map((part) => part.root)));

  const refresh = async (...some) => {
    try {
      await Promise.all(some.map((part) => part.refresh()));
      trouble.textContent = "";
    } catch (error) {
      trouble.textContent = word("The server does not answer: {why}", { why: error.message });
    }
  };
  const ended = () => refresh(...parts);
  const told = () => document.hidden || refresh(jobs);
  const looked = () => document.hidden || refresh(gpu, ...(fleet.root.hidden ? [] : [fleet]));
  const timer = setInterval(looked, EVERY);
  api.addEventListener("frugal-motion.run", ended);
  api.addEventListener("frugal-motion.job", told);
  api.addEventListener("reconnected", ended);
  ended();
  return () => {
    clearInterval(timer);
    api.removeEventListener("frugal-motion.run", ended);
    api.removeEventListener("frugal-motion.job", told);
    api.removeEventListener("reconnected", ended);
  };
}

app.registerExtension({
  name: "FrugalMotion.panel",
  setup() {
    stylesheet("panel.css");
    let stop = () => {};
    app.extensionManager.registerSidebarTab({
      id: "frugal-motion",
      icon: "pi pi-dollar",
      title: "Frugal Motion",
      tooltip: "Frugal Motion: GPU, costs, cache",
      type: "custom",
      render: (root) => {
        stop();
        stop = fill(root);
      },
      destroy: () => stop(),
    });
  },
});

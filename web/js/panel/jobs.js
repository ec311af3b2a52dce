/** Jobs that others have sent; nothing where there are none, or where they are not for this browser. */
import { element } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { get, remove } from "../lib/server.js";
import { bar, button, section } from "./section.js";

const SHOWN = 8;
const AT_WORK = ["queued", "running"];

function state(job) {
  if (job.state === "queued") return `waits, ${job.position}. in the queue`;
  if (job.state !== "running" || !job.progress) return job.state;
  return `${percent(job.progress)} %${job.progress.node ? `, ${job.progress.node}` : ""}`;
}

function files(job) {
  const shown = job.results.flatMap((result) => Object.values(result.data).flat()).filter((value) => value?.url);
  return shown.map((file) =>
    element("a", { href: `.${file.url}`, target: "_blank", rel: "noopener", textContent: file.filename }),
  );
}

function row(job, refresh) {
  const cancel = async () => {
    await remove(`/jobs/${job.job_id}`);
    await refresh();
  };
  return element(
    "li",
    {},
    element("span", { className: "frugal-name", textContent: job.client, title: job.job_id }),
    element(
      "div",
      {},
      element("span", { textContent: state(job) }),
      job.state === "running" && job.progress ? bar(percent(job.progress) / 100, "done") : null,
      job.error ? element("p", { textContent: job.error }) : null,
      ...files(job),
    ),
    AT_WORK.includes(job.state) ? button("Cancel", cancel) : null,
  );
}

export function jobsSection() {
  const { root, show } = section("Jobs");
  root.hidden = true;

  async function refresh() {
    // A refusal, as for want of the token, is no trouble: this browser has no jobs.
    const { jobs } = await get(`/jobs?limit=${SHOWN}`).catch(() => ({ jobs: [] }));
    root.hidden = jobs.length === 0;
    show(element("ul", { className: "frugal-jobs" }, jobs.map((job) => row(job, refresh))));
  }
  return { root, refresh };
}

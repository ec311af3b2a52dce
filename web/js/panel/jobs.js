/** Jobs that others have sent; nothing where there are none, or where they are not for this browser. */
import { element, keyed } from "../lib/dom.js";
import { percent, percents } from "../lib/format.js";
import { get, remove } from "../lib/server.js";
import { listed, word } from "../lib/words.js";
import { bar, button, section } from "./section.js";

const SHOWN = 8;
const AT_WORK = ["queued", "running"];

function state(job) {
  if (job.state === "queued") return word("waits, {position}. in the queue", { position: job.position });
  if (job.state === "running" && job.progress) return listed(percents(percent(job.progress)), job.progress.node);
  const ends = { done: word("done"), failed: word("failed"), cancelled: word("cancelled"), running: word("running") };
  return ends[job.state] ?? job.state;
}

function files(job) {
  const shown = job.results.flatMap((result) => Object.values(result.data).flat()).filter((value) => value?.url);
  return shown.map((file) =>
    element("a", { href: `.${file.url}`, target: "_blank", rel: "noopener", textContent: file.filename }),
  );
}

function row(first, refresh) {
  const told = element("div");
  const cancel = button(word("Cancel"), async () => {
    await remove(`/jobs/${first.job_id}`);
    await refresh();
  });
  const client = element("span", { className: "frugal-name", textContent: first.client, title: first.job_id });
  const update = (job) => {
    const isRunning = job.state === "running" && job.progress;
    told.replaceChildren(
      element("span", { textContent: state(job) }),
      ...(isRunning ? [bar(percent(job.progress) / 100, word("done"))] : []),
      ...(job.held ? [element("p", { textContent: job.held })] : []),
      ...(job.error ? [element("p", { textContent: job.error })] : []),
      ...files(job),
    );
    cancel.hidden = !AT_WORK.includes(job.state);
  };
  return { root: element("li", {}, client, told, cancel), update };
}

export function jobsSection() {
  const { root, show } = section(word("Jobs"));
  const list = element("ul", { className: "frugal-jobs" });
  const update = keyed(list, (job) => row(job, refresh));
  root.hidden = true;
  show(list);

  async function refresh() {
    // A refusal, as for want of the token, is no trouble: this browser has no jobs.
    const { jobs } = await get(`/jobs?limit=${SHOWN}`).catch(() => ({ jobs: [] }));
    root.hidden = jobs.length === 0;
    update(jobs.map((job) => [job.job_id, job]));
  }
  return { root, refresh };
}

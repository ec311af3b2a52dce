/** What the pack's panels inside nodes have in common. */
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { element, stylesheet } from "./lib/dom.js";
import { word } from "./lib/words.js";

stylesheet("in_node.css");

const DENSITY = 2; // canvas pixels per CSS pixel at least: graphs are zoomed
const SETTLED = 100; // milliseconds after which the editor has drawn a graph
const panels = new Map(); // of the nodes that are in a graph
const replaced = new WeakMap(); // by panel, the elements of nodes that its node has replaced, of late
const left = new Map(); // panels of nodes that have been removed, by their name in the tab's memory

app.registerExtension({
  name: "FrugalMotion.panels",
  /** Outputs are put back after undo, and when another workflow comes to the front. */
  onNodeOutputsUpdated(outputs) {
    for (const [node, panel] of panels) panel.show(outputs[locator(node)] ?? {});
  },
  setup() {
    api.addEventListener("execution_cached", ({ detail }) => {
      for (const id of detail.nodes ?? []) panels.get(executed(id))?.notSent();
    });
  },
});

/**
 * Put a panel into a node, which shows what the node's runs send.
 * @param {object} node
 * @param {string} name of the widget
 * @param {{element: HTMLElement, key: string, show: (output: object) => void, notSent: () => void, end: () => void,
 *   resume?: (before: object) => void}} panel `key` is what it shows of an output; `notSent` tells it that a run had no need
 *   to make that anew; `resume` hands it the panel of the node that it replaces, as undo makes nodes anew
 * @param {number} height of the panel at least
 * @param {number} width of the node at least, once the panel shows something
 */
export function addPanel(node, name, panel, height, width = 0) {
  const options = { serialize: false, hideOnZoom: false, getMinHeight: () => height + 20 };
  const widget = node.addDOMWidget(name, name, panel.element, options);
  widget.serialize = false;
  takesRoomWhileShown(node, widget, panel.element, width);
  panel.element.classList.add("frugal-panel");
  panel.element.style.minHeight = `${height}px`;
  shareWithGraph(panel.element);
  let known;
  chain(node, "onExecuted", (output) => {
    remember(node, panel.key, output);
    panel.show(output ?? {});
  });
  chain(node, "onAdded", () => {
    panels.set(node, panel);
    known = memory(node); // a graph that is being emptied has lost its name
    succeed(left.get(known), panel);
    left.delete(known);
    panel.show(app.nodeOutputs?.[locator(node)] ?? remembered(node) ?? {});
  });
  chain(node, "onRemoved", () => {
    panels.delete(node);
    panel.end();
    left.set(known, panel);
    setTimeout(() => left.get(known) === panel && left.delete(known), 10 * SETTLED);
  });
}

/** An element that is hidden leaves no gap; its node grows when it comes to light. */
function takesRoomWhileShown(node, widget, element, least) {
  Object.defineProperty(widget, "hidden", { get: () => element.hidden, set: () => {}, configurable: true });
  const expand = () => element.classList.toggle("widget-expands", !element.hidden); // Nodes 2.0 gives it what is left
  expand();
  new MutationObserver(() => {
    if (!expand()) return;
    const [width, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], width, least), Math.max(node.size[1], height)]);
    node.setDirtyCanvas?.(true, true);
  }).observe(element, { attributeFilter: ["hidden"] });
}

/**
 * Undo makes nodes anew, but Nodes 2.0 may keep the element of a node before: put the new one in its place, at once, as
 * what is done to the old one is lost. After quick steps of undo that may be an element of several nodes before, and a
 * busy browser takes its time to show it.
 */
function succeed(old, panel) {
  if (!old) return;
  panel.resume?.(old);
  const before = [...(replaced.get(old) ?? []), old.element];
  replaced.set(panel, before);
  const replace = () => {
    const isInGraph = [...panels.values()].includes(panel);
    if (isInGraph && !panel.element.isConnected) before.find((one) => one.isConnected)?.replaceWith(panel.element);
  };
  requestAnimationFrame(replace);
  for (const times of [1, 3, 10]) setTimeout(replace, times * SETTLED);
  setTimeout(() => replaced.delete(panel), 11 * SETTLED);
}

/** Keep an output while the tab lives: after a reload, ComfyUI does not send again what it has in its cache. */
function remember(node, key, output) {
  if (!output?.[key] || !node.graph) return;
  try {
    sessionStorage.setItem(memory(node), JSON.stringify({ [key]: output[key] }));
  } catch {
    // full: the node is empty after a reload
  }
}

function remembered(node) {
  if (!app.configuringGraph) return undefined; // a new node has had no runs
  return JSON.parse(sessionStorage.getItem(memory(node)));
}

function memory(node) {
  return `frugal-motion:${node.graph.id}:${node.id}:${node.comfyClass}`;
}

/** Have a function called after an object's own of that name. */
export function chain(object, name, also) {
  const before = object[name];
  object[name] = function (...given) {
    const result = before?.apply(this, given);
    also.apply(this, given);
    return result;
  };
}

/** Have the graph as it is be a step that the editor can undo. */
export function addStep() {
  const tracker = app.extensionManager.workflow?.activeWorkflow?.changeTracker;
  if (tracker?.captureCanvasState) tracker.captureCanvasState();
  else tracker?.checkState?.(); // editors such as 1.32.9
}

/** By what the editor calls a node, also within subgraphs. */
function locator(node) {
  const graph = node.graph;
  return !graph || graph.isRootGraph ? String(node.id) : `${graph.id}:${node.id}`;
}

/** The node that an execution id such as "3" or, in a subgraph, "7:3" means. */
function executed(id) {
  let graph = app.graph.rootGraph ?? app.graph;
  let node;
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(part);
    graph = node?.subgraph;
  }
  return node;
}

/** The wheel zooms and the middle button pans as everywhere on the graph; what is done inside moves no node. */
function shareWithGraph(element) {
  const classic = () => !element.matches("[popover]") && element.closest(".dom-widget"); // opened, it lies over the graph
  element.addEventListener("wheel", (event) => classic() && app.canvas.processMouseWheel(event));
  element.addEventListener("pointerdown", (event) => {
    if (event.button === 0) event.stopPropagation();
    else if (event.button === 1 && classic()) app.canvas.processMouseDown(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) event.stopPropagation();
    else if (event.buttons & 4 && classic()) app.canvas.processMouseMove(event);
  });
  element.addEventListener("pointerup", (event) => {
    if (event.button === 1 && classic()) app.canvas.processMouseUp(event);
  });
}

/** The URL of a file that a node has told of. */
export function fileUrl(file) {
  return `/view?${new URLSearchParams(file)}`;
}

/** Why there is nothing to see of a file. */
export const gone = () => word("The preview is gone from ComfyUI's temp folder. Run the graph again.");

/** Why a run has told of no file. */
export const noRoom = () => word("There was no room for a preview in ComfyUI's temp folder.");

/** The content of such a file. */
export async function fetchFile(file) {
  const answer = await api.fetchApi(fileUrl(file));
  if (!answer.ok) throw new Error(gone());
  return answer.arrayBuffer();
}

/** Handle keys of a panel that the editor would take for its own; each function says by `true` that it did. */
export function onKeys(element, handlers) {
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!handlers[event.key]?.(event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Where on a canvas a pointer is, in CSS pixels of it, however large the graph's zoom shows it. */
export function placeOn(canvas, { clientX, clientY }) {
  const box = canvas.getBoundingClientRect();
  const times = box.width ? canvas.clientWidth / box.width : 1;
  return [(clientX - box.left) * times, (clientY - box.top) * times];
}

/** A canvas that calls `draw(context, width, height)` in the next animation frame when its size or content changes. */
export class Drawing {
  constructor(attributes, draw) {
    this.canvas = element("canvas", attributes);
    this.density = Math.max(DENSITY, window.devicePixelRatio);
    this.draw = draw;
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(this.canvas);
  }

  redraw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.now();
    });
  }

  now() {
    const { canvas, density } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    const [across, down] = [Math.round(width * density), Math.round(height * density)];
    if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
    const context = canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    this.draw(context, width, height);
  }
}

/** The keys of the editor's panel. */
import { groups } from "./commands.js";

const STEP = 10; // frames or pixels with Shift
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TAKES_KEYS = "input, select, textarea, [popover] [role=menu], [role=menu] *";

/** Have keys act on an editor, as long as the focus is in its element. */
export function editorKeys(editor) {
  const commands = new Map(groups().flat().flatMap((command) => command.keys.map((key) => [key, command])));
  editor.element.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.target.matches(TAKES_KEYS)) return;
    if (!nudged(editor, event) && !plain(editor, event, commands)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Control or Alt with an arrow moves the chosen joint. */
function nudged(editor, event) {
  const way = WAYS[event.key];
  if (!way || !(event.ctrlKey || event.altKey || event.metaKey)) return false;
  const pixels = event.shiftKey ? STEP : 1;
  return editor.nudge(way.map((step) => step * pixels));
}

function plain(editor, event, commands) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { frame } = editor.view;
  const step = event.shiftKey ? STEP : 1;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const onButton = event.target.tagName === "BUTTON";
  const handlers = {
    " ": () => !onButton && editor.play(!editor.clock.playing),
    ArrowLeft: () => editor.seek(frame - step),
    ArrowRight: () => editor.seek(frame + step),
    Home: () => editor.seek(0),
    End: () => editor.seek(Infinity),
    j: () => editor.nextJoint(event.shiftKey ? -1 : 1),
    p: () => editor.nextPerson(),
    f: () => editor.fit(),
    e: () => editor.expand(!editor.isExpanded),
    b: () => editor.toggle("before"),
    n: () => editor.toggle("onion"),
    g: () => editor.toggle("film"),
    t: () => editor.toggle("result"),
    y: () => editor.toggle("curves"),
    w: () => editor.toggle("list"),
    a: () => editor.toggle("replace"),
    Escape: () => editor.escape(),
  };
  if (handlers[key]) return handlers[key]() !== false;
  const command = commands.get(key);
  if (!command || !editor.motion || !editor.canChange || !command.can(editor)) return false;
  command.run(editor);
  return true;
}

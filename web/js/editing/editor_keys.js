/** The keys of the editor's panel. */
import { groups } from "./commands.js";
import { EVERYTHING, PELVIS, jointNames } from "./joints.js";

const STEP = 10; // frames or pixels with Shift
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TAKES_KEYS = "input, select, textarea, [role=menu], [role=menu] *";

/** Have keys act on an editor, as long as the focus is in its element. */
export function editorKeys(editor) {
  const commands = new Map(groups().flat().flatMap((command) => command.keys.map((key) => [key, command])));
  editor.element.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.target.matches(TAKES_KEYS) || !editor.motion) return;
    if (!nudged(editor, event) && !pressed(editor, event, commands)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** Control or Alt with an arrow moves the chosen joint by a pixel of the frame, with Shift by ten. */
function nudged({ canChange, motion, view, drag }, event) {
  const way = WAYS[event.key];
  const isMove = way && (event.ctrlKey || event.altKey || event.metaKey);
  const { person, joint } = view;
  if (!isMove || !canChange || !person || !joint) return false;
  const pixels = event.shiftKey ? STEP : 1;
  drag.nudge({ person, joint }, [(way[0] * pixels) / motion.width, (way[1] * pixels) / motion.height]);
  return true;
}

/** What keys do, by their names; `false` says that it was nothing. */
const LOOKING = {
  " ": (editor, { target }) => target.tagName !== "BUTTON" && editor.playback.play(!editor.playback.isPlaying),
  ArrowLeft: (editor, event) => editor.playback.step(-steps(event)),
  ArrowRight: (editor, event) => editor.playback.step(steps(event)),
  Home: (editor) => editor.playback.seek(0),
  End: (editor) => editor.playback.seek(Infinity),
  j: (editor, event) => nextJoint(editor, event.shiftKey ? -1 : 1),
  p: (editor) => editor.look({ person: (editor.view.person + 1) % (editor.motion.people + 1) }),
  f: (editor) => editor.fit(),
  e: (editor) => editor.expand(!editor.isExpanded),
  b: (editor) => editor.toggle("before"),
  n: (editor) => editor.toggle("onion"),
  g: (editor) => editor.toggle("film"),
  t: (editor) => editor.toggle("result"),
  y: (editor) => editor.toggle("curves"),
  w: (editor) => editor.toggle("list"),
  a: (editor) => editor.toggle("replace"),
  Escape: (editor) => editor.escape(),
};

const steps = ({ shiftKey }) => (shiftKey ? STEP : 1);

function pressed(editor, event, commands) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (LOOKING[key]) return LOOKING[key](editor, event) !== false;
  const command = commands.get(key);
  if (!command) return false;
  if (editor.canChange && command.can(editor)) {
    editor.drag.drop();
    command.run(editor);
  }
  return true; // also where it can do nothing: to the graph the same key may mean to remove the node
}

function nextJoint(editor, step) {
  const names = ["", EVERYTHING, PELVIS, ...jointNames(editor.motion.joints)];
  const joint = names.at((names.indexOf(editor.view.joint) + step) % names.length);
  editor.look({ joint, person: editor.view.person || 1 });
}

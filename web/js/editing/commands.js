/** What can be done with a motion, by menu and by key. Each has `label`, `keys`, `can(editor)` and `run(editor)`. */
import { word } from "../lib/words.js";
import { changed, keyAt, withEdit, without } from "./edit_value.js";
import { BODY_JOINTS, EVERYTHING, jointNumber } from "./joints.js";
import { gapAround, hiding, holding, pasting, showing, speeding, toggled } from "./span_edits.js";

const HOLD = 0.5; // seconds

const someone = ({ view }) => view.person > 0;
const joint = ({ view }) => view.person > 0 && !!view.joint;
const marked = ({ view }) => !!view.span;
const several = ({ motion, view }) => motion.people > 1 && view.person > 0;
const selected = ({ view, edits }) => view.selected >= 0 && view.selected < edits.length;

/** In groups, as the menu shows them. */
export const groups = () => [
  [
    { label: word("Hide or show the joint"), keys: ["h"], can: joint, run: hideOrShow },
    { label: word("Take back the move of the joint here"), keys: ["Backspace"], can: keyHere, run: (editor) => editor.change(without(editor.edits, keyIndex(editor))) },
    { label: word("Copy pose"), keys: ["c"], can: someone, run: copyPose },
    { label: word("Paste pose here"), keys: ["v"], can: (editor) => someone(editor) && !!editor.view.copy, run: pastePose },
  ],
  [
    { label: word("Mark the first frame of a span"), keys: ["i"], can: always, run: (editor) => mark(editor, 0) },
    { label: word("Mark the last frame of a span"), keys: ["o"], can: always, run: (editor) => mark(editor, 1) },
    { label: word("No marks"), keys: ["u"], can: marked, run: (editor) => editor.look({ span: null }) },
    { label: word("Repair the span"), keys: ["r"], can: marked, run: (editor) => editor.change(toggled(editor.edits, { do: "repair", ...whose(editor), ...which(editor), ...span(editor) })) },
    { label: word("Mirror the span"), keys: ["m"], can: marked, run: (editor) => editor.change(toggled(editor.edits, { do: "mirror", ...whose(editor), ...span(editor) })) },
    { label: word("Play the span twice as fast"), keys: ["."], can: marked, run: (editor) => editor.change(speeding(editor.edits, editor.view.span, 2)) },
    { label: word("Play the span half as fast"), keys: [","], can: marked, run: (editor) => editor.change(speeding(editor.edits, editor.view.span, 0.5)) },
    { label: word("Cut the span out"), keys: ["x"], can: marked, run: (editor) => editor.change(toggled(editor.edits, { do: "delete", ...span(editor) })) },
    { label: word("Hold this pose for half a second"), keys: ["l"], can: always, run: hold },
  ],
  [
    { label: word("Keep only this person"), keys: ["k"], can: several, run: (editor) => editor.change(toggled(editor.edits, { do: "keep", person: editor.view.person })) },
    { label: word("Take this person out"), keys: ["d"], can: several, run: (editor) => editor.change(toggled(editor.edits, { do: "drop", person: editor.view.person })) },
    { label: word("Swap with the next person from here on"), keys: ["s"], can: several, run: swap },
  ],
  [
    { label: word("Remove the edit"), keys: ["Delete"], can: selected, run: (editor) => editor.change(without(editor.edits, editor.view.selected)) },
    { label: word("Switch the edit off or on"), keys: ["q"], can: selected, run: switchEdit },
    { label: word("Remove all edits"), keys: [], can: ({ edits }) => edits.length > 0, run: (editor) => editor.change([]) },
  ],
];

function always() {
  return true;
}

const span = ({ view: { span: [from, to] } }) => ({ from, to });
const whose = ({ view }) => ({ person: view.person || 0 });
const which = ({ view }) => (view.person && view.joint ? { joint: view.joint } : {});
const keyIndex = ({ edits, view }) => keyAt(edits, view);

function keyHere(editor) {
  return joint(editor) && keyIndex(editor) >= 0;
}

function hideOrShow(editor) {
  const { edits, view, motion } = editor;
  const number = view.joint === EVERYTHING ? 0 : jointNumber(view.joint);
  if (number < 0) return editor.say(word("The pelvis lies between the hips; hide those."));
  const point = (view.frame * motion.people + view.person - 1) * motion.joints;
  const joints = view.joint === EVERYTHING ? BODY_JOINTS.keys() : [number];
  const frames = spanHere(view);
  const isSeen = [...joints].some((one) => motion.confidences[point + one]);
  if (isSeen) return editor.change(hiding(edits, view.person, view.joint, frames ?? [view.frame, view.frame]));
  editor.change(showing(edits, view.person, view.joint, frames ?? gapAround(motion, view.frame, view.person, number)));
}

/** The marked span, if the frame that is shown is in it. */
function spanHere({ span, frame }) {
  return span && span[0] <= frame && frame <= span[1] ? span : undefined;
}

function copyPose(editor) {
  const { frame, person } = editor.view;
  editor.look({ copy: { frame, person } });
  editor.say(word("The pose of frame {frame} is copied. Go to another frame and paste it.", { frame }));
}

function pastePose(editor) {
  const { edits, view } = editor;
  editor.change(pasting(edits, view, view.copy));
}

function mark(editor, end) {
  const { frame, span } = editor.view;
  const marks = span ?? [frame, frame];
  const wanted = end ? [Math.min(marks[0], frame), frame] : [frame, Math.max(marks[1], frame)];
  editor.look({ span: wanted });
}

function hold(editor) {
  editor.change(holding(editor.edits, editor.view.frame, Math.max(1, Math.round(HOLD * editor.motion.rate))));
}

function swap(editor) {
  const { person, frame } = editor.view;
  const other = (person % editor.motion.people) + 1;
  editor.change(withEdit(editor.edits, { do: "swap", person, with: other, from: frame }));
}

function switchEdit(editor) {
  const { edits, view } = editor;
  editor.change(changed(edits, view.selected, { off: !edits[view.selected].off }));
}

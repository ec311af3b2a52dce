/** What the editor's stage shows, and what it says. */
import { word } from "../lib/words.js";

const ONION = 2; // neighbours on each side

/** For `Stage.show`. */
export function sceneOf({ session, view, motion, playback }) {
  const { result } = playback;
  const film = view.film ? session.film : undefined;
  if (result) {
    return { motion: result.motion, frame: playback.out, film, filmFrame: view.frame, plain: true };
  }
  const { frame, person, joint, hovered } = view;
  const before = view.before ? session.posed.source : undefined;
  return { motion, frame, person, joint, hovered, film, before, onion: view.onion ? ONION : 0 };
}

/** In place of people. */
export function emptyWords({ session, edits, input }) {
  if (session.message) return session.message;
  const count = edits.length;
  if (input.parsed.problem) return input.parsed.problem;
  return count
    ? word("Run the graph once to see the motion. Its {count} edits are kept.", { count })
    : word("Run the graph once; then take people by their joints and move them.");
}

/** Under everything: what stands in the way, or what has just been done. */
export function statusWords({ session, input, playback, sent = [], said }) {
  const { result } = playback;
  if (input.locked) return input.locked;
  if (session.status) return session.status;
  if (result && playback.isPlaying) return word("Result: {count} frames. To edit, switch it off.", { count: result.motion.frames });
  if (result) {
    return word("Result: frame {frame} of {count}. To edit, switch it off.", { frame: playback.out, count: result.motion.frames });
  }
  return said || (sent.length > 1 ? word("The first of {count} clips; edits go for all.", { count: sent.length }) : "");
}

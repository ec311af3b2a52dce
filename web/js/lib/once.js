/** Work that is asked for more often than it can be done. */

/** The same work, once at a time: asked for while it goes on, it is done once more afterwards. */
export function onceAtATime(work) {
  let going = null;
  let isWantedAgain = false;
  const through = async () => {
    try {
      do {
        isWantedAgain = false;
        await work();
      } while (isWantedAgain);
    } finally {
      going = null;
    }
  };
  return () => {
    isWantedAgain = true;
    return (going ??= through());
  };
}

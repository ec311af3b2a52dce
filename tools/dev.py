"""The commands behind the Makefile, for every system: ``python tools/dev.py demo|test|models|lint|format|setup|clean``."""

import os
import sys

# Ancient interpreters get this far, so nothing newer may stand above.
if sys.version_info < (3, 11):  # noqa: UP036  the pack runs on 3.10, its development environment does not
    sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Try: python3.12 tools/dev.py")

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from tools.commands import main  # noqa: E402

sys.exit(main())

"""The commands behind the Makefile, for every system: ``python tools/dev.py demo`` and so on; ``--help`` lists them."""

import os
import sys

# Ancient interpreters get this far, so nothing newer may stand above. The pack itself runs on 3.10.
if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Try: python3.12 tools/dev.py")

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from tools.commands import main  # noqa: E402

sys.exit(main())

"""Makes the folder's own modules importable: `cases` says what runs, `pin` pins it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

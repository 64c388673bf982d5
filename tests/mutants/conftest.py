"""Makes the folder's own modules importable: `table` says what is broken, `mutation` how."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

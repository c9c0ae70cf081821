"""A badge provider to try things on: a process of its own that speaks the documented HTTP of Credly and of
Accredible.

It is for development, demonstrations and tests. It issues nothing real, so a production profile cannot even
import it. Only the standard library is used, and nothing of the product: what it says about our adapters is
said from the other side of a socket. Start it with `python -m providers.sandbox --help`.
"""

from __future__ import annotations

import os

if not any(
    os.environ.get(name, "").strip().lower() in {"on", "true", "yes", "1"} for name in ("DEBUG", "DEMO")
):
    raise ImportError(
        "The sandbox provider is for development only: it issues badges that nobody can hold. "
        "Set DEBUG=on or DEMO=on to use it."
    )

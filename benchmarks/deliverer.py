"""A process that delivers and does nothing else, until it is ended.

python -m benchmarks.deliverer HOST:PORT [--connections N]
"""

from __future__ import annotations

import argparse

from django.conf import settings

from badges.delivery import deliver
from benchmarks import machine


def main() -> None:
    """A line for each delivery: how many exchanges there were, and the most memory held so far, in MB."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deliverer", description=__doc__)
    parser.add_argument("provider", metavar="HOST:PORT")
    parser.add_argument("--connections", type=int)
    options = parser.parse_args()
    settings.PROVIDER_ALLOWED_HOSTS = [options.provider]
    while True:
        count = deliver(connections=options.connections)
        print(f"{count} {machine.peak_mb():.0f}", flush=True)


if __name__ == "__main__":
    main()

"""``lab verify``: a lab proves itself, by its solutions, its start and its mutants, each on a clean cluster.

``proving`` is one command from end to end: ``cases`` is what is to be run, ``running`` orders it from the workers,
``kept`` remembers what came, ``judging`` says what is not as it should be, ``assertions`` takes a
validator's assertions away, ``reports`` shows it all.
"""

from kindlabs.verifying.cases import Options
from kindlabs.verifying.proving import verify

__all__ = ["Options", "verify"]

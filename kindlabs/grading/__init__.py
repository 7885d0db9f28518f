"""``lab grade``: a class's submissions to a gradebook.

``session`` is one command from end to end: ``intake`` takes a class in (``exports``: names that learning platforms
give; ``roster``: who is in it; ``archives`` and ``repositories``: what has to be unpacked, within bounds), the workers
judge, ``records`` keeps what came as it comes, ``gradebook`` is made of the records, ``showing`` is what a person sees.
"""

from kindlabs.grading.session import Options, dry_run, grade

__all__ = ["Options", "dry_run", "grade"]

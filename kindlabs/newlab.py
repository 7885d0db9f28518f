"""``lab new``: a lab that proves itself at once, of one Deployment and one Service, to be changed into another."""

from __future__ import annotations

from pathlib import Path
from string import Template

from kindlabs.course import LAB_ID, Course, CourseLab
from kindlabs.errors import UsageError
from kindlabs.images.lock import Lock

TEMPLATE = Path(__file__).parent / "template"


def new_lab(course: Course, lab_id: str) -> CourseLab:
    """Write the folders and the validator of a new lab. Raises: UsageError for an id that cannot be, or is taken."""
    if not LAB_ID.fullmatch(lab_id):
        raise UsageError(f"Expected an id such as 47-my-lab, found {lab_id!r}.", "Two digits, then words with dashes.")
    if taken := [other for other in course.ids() if other[:2] == lab_id[:2]]:
        raise UsageError(f"There is lab {taken[0]} already.", "Take another number; make list shows them.")
    words = {
        "number": lab_id[:2],
        "title": lab_id[3:].replace("-", " ").capitalize(),
        "image": Lock.load(course.root).image("agnhost").reference,
    }
    labs, fixtures = course.root / "labs" / lab_id, course.root / "fixtures" / lab_id
    validator = course.root / "validators" / f"test_{lab_id.replace('-', '_')}.py"
    for source in sorted(path for path in TEMPLATE.rglob("*") if path.is_file()):
        name = source.relative_to(TEMPLATE)
        home = fixtures if name.parts[0] in ("solution", "mutants.yaml") else labs
        target = validator if name.suffix == ".txt" else home / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(source.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
    return course.lab(lab_id)

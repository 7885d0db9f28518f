"""The ``lab`` command: arguments in, exit code out."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from typer.exceptions import TyperException

from kindlabs import course, faults, interrupt, outputs, terminal
from kindlabs.asking import nobody
from kindlabs.errors import KindLabsError, UnreadableSubmission, UsageError, of_machine
from kindlabs.progress import Steps
from kindlabs.typed import here

if TYPE_CHECKING:
    from kindlabs.grading.intake import Intake
    from kindlabs.record import Record

INTERRUPTED = 130

app = typer.Typer(
    help="Hands-on Kubernetes labs that check themselves on real kind clusters.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

LabId = Annotated[str, typer.Argument(metavar="ID", help="03, 3 or 03-ingress-certificates")]
Junit = Annotated[str | None, typer.Option(metavar="FILE", help="Write it as JUnit's XML.")]
Markdown = Annotated[str | None, typer.Option(metavar="FILE", help="Write it as Markdown.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer yes: may install and start a Docker engine.")]


@app.callback(invoke_without_command=True)
def show_help(context: typer.Context) -> None:
    """Say what there is, where no command is named."""
    if context.invoked_subcommand is None:
        _say(context.get_help())
        raise typer.Exit(2)


@app.command("list")
def list_labs() -> None:
    """List the labs of this course."""
    out = Console(highlight=False)
    for lab in _course().labs():
        work = "started" if lab.work.is_dir() else ""
        out.print(f"{lab.id:<28} {lab.minutes:>3} min  {lab.title}  {work}".rstrip(), markup=False, soft_wrap=True)


@app.command()
def start(lab_id: LabId) -> None:
    """Make work/NN with what a lab begins with, and say what to read."""
    from kindlabs import submission

    lab = _course().lab(lab_id)
    made = submission.resolve(_course(), lab, None)
    verb = "is ready" if made.created else "is there already"
    _say(f"{made.name}/ {verb}. Read {_near(lab.readme)}, edit the files, then: make check LAB={lab.number}")


@app.command()
def check(
    lab_id: LabId,
    submission: Annotated[
        str | None,
        typer.Option(metavar="DIR|solution|start|MUTANT", help="What to judge; your own work/NN without it."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin with empty namespaces.")] = False,
    only: Annotated[
        str | None, typer.Option(metavar="CHECK", help="Run this check and what it needs; never a pass of the whole.")
    ] = None,
    json: Annotated[str | None, typer.Option(metavar="FILE|-", help="Write the result record there.")] = None,
    junit: Junit = None,
    markdown: Markdown = None,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write it as a page that opens offline.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Annotate files and lines, in a job of GitHub's.")] = False,
    yes: Yes = False,
) -> None:
    """Judge a submission on its lab, and say what is wrong and why."""
    from kindlabs.checking import check_submission

    forms = {"junit": junit, "markdown": markdown, "html": html}
    wanted = [*((where, _report(form)) for form, where in forms.items()), (json, lambda record: record.as_json())]
    places = [where for where, _ in wanted]
    outputs.refuse(places, spoken=github)
    out = _board_console(places)

    def judge() -> Record:
        return check_submission(_course(), lab_id, submission, fresh=fresh, only=only, out=out, ask=_ask(yes))

    record = _unheard(judge) if github else judge()
    if github:
        outputs.write(_report("github")(record), "-")
    outputs.write_all(wanted, record)
    raise typer.Exit(record.exit_code)


@app.command()
def new(lab_id: Annotated[str, typer.Argument(metavar="ID", help="Two digits and words: 47-my-lab")]) -> None:
    """Make a lab that proves itself at once, to be changed into another."""
    from kindlabs.newlab import new_lab

    lab = new_lab(_course(), lab_id)
    for made in (lab.root, lab.validator, lab.fixtures):
        _say(f"  {_near(made)}{'/' if made.is_dir() else ''}")
    row = f"| [{lab.id}](labs/{lab.id}/README.md) | {lab.title} | {lab.minutes} |"
    _say(f"Prove it: make verify LAB={lab.number}. README.md lists labs; its row: {row}")


@app.command()
def verify(
    labs: Annotated[list[str] | None, typer.Argument(metavar="[LAB]...", help="Which labs; all without any.")] = None,
    changed: Annotated[
        str | None, typer.Option(metavar="REV", help="Only what has changed since this git revision.")
    ] = None,
    rotate: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="N runs of what has not changed, others each day.")
    ] = None,
    shard: Annotated[str | None, typer.Option(metavar="i/n", help="Only the i-th of n parts.")] = None,
    repeat: Annotated[int, typer.Option(metavar="N", min=1, help="Judge each submission N times.")] = 1,
    jobs: Annotated[int | None, typer.Option(metavar="N", min=1, help="Clusters side by side.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Forget the results of earlier runs.")] = False,
    assertions: Annotated[
        bool, typer.Option("--assertions", help="See whether each assertion of the validators is needed.")
    ] = False,
    json: Annotated[str | None, typer.Option(metavar="FILE|-", help="Write the report there.")] = None,
    junit: Junit = None,
    markdown: Markdown = None,
    yes: Yes = False,
) -> None:
    """Prove labs: solutions pass, the start does not, each mutant fails where and as it should."""
    from kindlabs.verifying import Options
    from kindlabs.verifying import verify as run
    from kindlabs.verifying.reports import as_json, show
    from kindlabs.verifying.reports import junit as as_junit
    from kindlabs.verifying.reports import markdown as as_markdown

    wanted = [(json, as_json), (junit, as_junit), (markdown, as_markdown)]
    places = [where for where, _ in wanted]
    outputs.refuse(places)
    options = Options(tuple(labs or ()), changed, rotate, shard, repeat, jobs, again, assertions)
    with Steps() as steps:
        report = run(_course(), options, steps, _ask(yes))
    show(report, _board_console(places))
    outputs.write_all(wanted, report)
    raise typer.Exit(report.exit_code)


@app.command()
def grade(
    lab_id: LabId,
    submissions: Annotated[
        Path, typer.Option(metavar="DIR", help="The class: a folder for each learner, or a .zip or .tar.gz of them.")
    ],
    roster: Annotated[Path | None, typer.Option(metavar="FILE", help="A CSV of who is in the class.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where records and gradebook go.")] = Path("gradebook"),
    jobs: Annotated[int | None, typer.Option(metavar="N", min=1, help="Clusters side by side.")] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Show the class and what does not fit; run nothing.")] = False,
    yes: Yes = False,
) -> None:
    """Grade a class: judge every submission, and write a gradebook. The same command goes on where it was."""
    from kindlabs.grading import Options, dry_run
    from kindlabs.grading import grade as run
    from kindlabs.grading.showing import show_class, show_report, told_of

    options, shown = Options(lab_id, submissions, roster, out, jobs), Console(highlight=False)
    if dry:
        show_class(*dry_run(_course(), options), shown)
        raise typer.Exit
    with Steps() as steps:

        def tell(intake: Intake) -> None:
            for line in told_of(intake):
                steps.line(line)

        report = run(_course(), options, steps, _ask(yes), tell)
    show_report(report, shown)
    raise typer.Exit(report.exit_code)


@app.command()
def gradebook(
    out: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder that lab grade wrote into.")] = Path(
        "gradebook"
    ),
) -> None:
    """Make a gradebook again from its records; nothing is run."""
    from kindlabs.grading import remake

    _say("Gradebook: " + ", ".join(map(str, remake(out))))


@app.command()
def doctor() -> None:
    """Look at engine, memory, disk, ports and tools."""
    from kindlabs.clusters.doctor import findings

    marks = {"ok": "✓", "warn": "!", "bad": "✗"}
    found = findings(_course().root)
    for finding in found:
        _say(f"  {marks[finding.state]} {finding.name:<16} {finding.found}")
        if finding.state != "ok":
            _say(f"      {'do':<14} {finding.advice}")
    raise typer.Exit(3 if any(f.state == "bad" for f in found) else 0)


@app.command()
def clusters() -> None:
    """List the clusters of this checkout."""
    from kindlabs.clusters.listing import list_clusters

    rows = list_clusters(_course().root)
    for row in rows:
        _say(str(row))
    if not rows:
        _say("No clusters. make check makes the one that a lab needs.")


@app.command()
def clean() -> None:
    """Remove the clusters of this checkout, and nothing else."""
    from kindlabs.clusters.listing import remove

    with Steps() as steps:
        removed = remove(_course().root, steps)
    _say(f"Removed: {', '.join(removed)}." if removed else "Nothing to remove.")


def main() -> None:
    """Run ``lab``; no traceback reaches its user."""
    terminal.prepare()
    interrupt.heed()
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except KindLabsError as error:
        code = _tell(error)
    except TyperException as error:
        code = _correct(error)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        mendable = of_machine(error)
        code = _tell(mendable) if mendable else _keep(error)
    if code == INTERRUPTED:  # Typer turns Ctrl-C into this code and prints nothing
        _complain("interrupted; the next command goes on where this one was")
    # Daemon threads hold watches that nobody reads any more; a plain exit would wait for the sockets' clean-up.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


def _tell(error: KindLabsError) -> int:
    """Something that the user can act on."""
    _complain(str(error))
    return error.exit_code


def _correct(error: TyperException) -> int:
    """A command line that cannot be understood: why, and what shows how it is written."""
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context else "lab"
    _complain(f"{error.format_message()}\n  next  .venv/bin/{command} --help")
    return UsageError.exit_code


def _keep(error: Exception) -> int:
    """A fault of this program, kept in a file for whoever mends it."""
    _complain(faults.keep(error))
    return 3


def _course() -> course.Course:
    return course.find(Path.cwd())


def _ask(yes: bool) -> Callable[[str], bool]:
    def ask(question: str) -> bool:
        if yes or nobody(question):
            return True
        return sys.stdin is not None and sys.stdin.isatty() and typer.confirm(question, err=True)

    return ask


def _board_console(places: Sequence[str | None]) -> Console:
    return Console(file=sys.stderr if "-" in places else sys.stdout, highlight=False)


def _unheard(judge: Callable[[], Record]) -> Record:
    """What *judge* gives, while GitHub obeys nothing that is shown, be it the error that ends it."""
    from kindlabs.reports import github

    with github.unheard(sys.stdout):
        try:
            return judge()
        except KindLabsError as caught:
            error, code = caught, _tell(caught)
    if isinstance(error, UnreadableSubmission):
        outputs.write(github.of_unreadable(error), "-")
    raise typer.Exit(code)


def _report(form: str) -> Callable[[Record], str]:
    """What writes a report; only what is asked for is loaded."""
    return lambda record: cast(str, import_module(f"kindlabs.reports.{form}").of_record(record.as_dict()))


def _near(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _say(text: str) -> None:
    Console(highlight=False).print(terminal.printable(here(text)), markup=False, soft_wrap=True)


def _complain(text: str) -> None:
    Console(stderr=True, highlight=False).print(f"lab: {terminal.printable(here(text))}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()

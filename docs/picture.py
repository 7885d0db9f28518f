"""Draw docs/check.svg: what the terminal shows of two real checks, one that fails and one that passes."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
WIDTH = 118
CHECK = ".venv/bin/lab check 03 --submission {}"
SHOWN = "make check LAB=03 SUBMISSION={}"


def main() -> None:
    """Check a known mistake and the solution, and keep what was said, colours included."""
    paper = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    for submission in ("wrong-selector", "solution"):
        paper.print(Text.assemble(("$ ", "bold green"), (SHOWN.format(submission), "bold")))
        paper.print(Text.from_ansi(said(CHECK.format(submission))))
    paper.save_svg(str(HERE / "check.svg"), title="kind-labs", code_format=plain_format(), unique_id="check")


def said(command: str) -> str:
    """What *command* wrote to standard output, as on a terminal of WIDTH columns; its progress is left out."""
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    done = subprocess.run(
        command.split(), cwd=HERE.parent, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout


def plain_format() -> str:
    """Rich's frame around the text; it loads no font from elsewhere, and every viewer keeps its blanks."""
    own = re.sub(r"@font-face {{.*?}}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return own.replace("<svg ", '<svg xml:space="preserve" ')


if __name__ == "__main__":
    main()

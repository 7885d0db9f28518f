"""An author's mistake in one sentence: file, line, what is wrong, and the nearest name that there is."""

from __future__ import annotations

import builtins
import os
import re
import traceback
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from kindlabs.spelling import did_you_mean

VALIDATORS = "validators"
PACKAGE = Path(__file__).parent


def told(error: BaseException) -> str:
    """The sentence, as in ``validators/test_03_x.py:12: Lab has no attribute 'jobs'. Did you mean job?``.

    The line is the validator's; what broke further in is named behind it. Without either, the error alone.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown(error.filename)}:{error.lineno}: {error.msg}."
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _is_ours(frame)]
    sentence = _sentence(error, frames[-1][0] if frames else None)
    in_validator = [_place(frame, line) for frame, line in frames if _is_validator(frame)]
    if not in_validator:
        return f"{_place(*frames[-1])}: {sentence}" if frames else sentence
    deeper = frames[-1] if not _is_validator(frames[-1][0]) else None
    return f"{in_validator[-1]}: {sentence}" + (f" ({_place(*deeper)})" if deeper else "")


def shown(file: str | Path) -> str:
    """A file as whoever stands here calls it."""
    near = os.path.relpath(file)
    return str(file) if near.startswith("..") else near


def _place(frame: FrameType, line: int) -> str:
    return f"{shown(frame.f_code.co_filename)}:{line}"


def _is_validator(frame: FrameType) -> bool:
    return Path(frame.f_code.co_filename).parent.name == VALIDATORS


def _is_ours(frame: FrameType) -> bool:
    return _is_validator(frame) or Path(frame.f_code.co_filename).is_relative_to(PACKAGE)


def _sentence(error: BaseException, frame: FrameType | None) -> str:
    names = {**frame.f_globals, **frame.f_locals, **vars(builtins)} if frame else {}
    if isinstance(error, AttributeError) and error.name and error.obj is not None:
        owner = error.obj.__name__ if isinstance(error.obj, ModuleType | type) else type(error.obj).__name__
        return f"{owner} has no attribute {error.name!r}.{_near(error.name, dir(error.obj))}"
    if isinstance(error, NameError) and error.name:
        return f"there is nothing called {error.name!r}.{_near(error.name, names)}"
    if isinstance(error, KeyError) and error.args:
        keys = {key for value in names.values() if isinstance(value, dict) for key in value if isinstance(key, str)}
        return f"KeyError: {error.args[0]!r}.{_near(str(error.args[0]), keys)}"
    if isinstance(error, ImportError) and (
        wanted := re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
    ):
        module: Any = __import__(wanted[2], fromlist=["_"])
        return f"{wanted[2]} has nothing called {wanted[1]!r}.{_near(wanted[1], dir(module))}"
    return "".join(traceback.format_exception_only(error)).strip()


def _near(word: str, known: Any) -> str:
    return did_you_mean(word, sorted(name for name in known if not name.startswith("_")), 1)

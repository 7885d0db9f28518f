"""A validator under anybody's pytest: ``pytest validators/test_03_ingress_certificates.py --submission DIR``.

Loaded in every pytest run of an environment that has kind-labs, so it imports next to nothing until a validator is
collected. What then happens is in :mod:`kindlabs.under_pytest`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

BESIDE = ("labs", "fixtures", "clusters")
"""What stands beside the folder of a course's validators."""
NAME = "kind-labs-validators"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a validator judges."""
    group = parser.getgroup("kind-labs")
    group.addoption("--submission", metavar="DIR|solution|start|MUTANT", help="What validators judge; work/NN without.")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> None:
    """Get ready where a validator is collected, before its tests are; an author's mistake is one sentence."""
    folder = module_path.parent
    if folder.name != "validators" or not all((folder.parent / name).is_dir() for name in BESIDE):
        return
    from kindlabs.errors import LabError
    from kindlabs.under_pytest import Validators
    from kindlabs.validators import read_validator

    if not parent.config.pluginmanager.has_plugin(NAME):
        parent.config.pluginmanager.register(Validators(parent.config), NAME)
    try:
        read_validator(module_path)
    except LabError as error:
        raise parent.CollectError(str(error)) from None

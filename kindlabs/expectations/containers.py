"""Expectations on what is inside a container: what a command says there, files, logs, processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kindlabs.diagnosis.cause import Cause, Field, about
from kindlabs.diagnosis.containers import index_of, process_field
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.diagnosis.tokens import token_field, tokens_of, why_other_token, why_wrong_token
from kindlabs.expectations.answers import Text, describe, says
from kindlabs.expectations.tokens import claims_of, lifetime
from kindlabs.expectations.words import state_of
from kindlabs.kube.api import ApiError, Object
from kindlabs.kube.objects import age, dig, statuses
from kindlabs.kube.streams import Ran, Unended, run
from kindlabs.patience import LOOK_LATER, START_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.pods import Pod

COMMAND_SECONDS, SAID_BYTES = 5.0, 64 * 1024
"""What one command may take and say."""
SHOWN = 120
"""Characters of what was said that are shown."""
PROCESSES = 'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline 2>/dev/null && echo; done'
"""The command lines of all processes that a container sees, one a line; images without ``ps`` have these."""


class Container:
    """One container of a Pod by name. Its own programs are asked: where they lie, they lie to a person too."""

    def __init__(self, pod: Pod, name: str) -> None:
        self.pod, self.name, self.lab = pod, name, pod.lab

    def __str__(self) -> str:
        return f"container {self.name} of {self.pod}"

    def runs(
        self, command: str | Sequence[str], saying: Text | None = None, code: int = 0, *, within: float | None = None
    ) -> None:
        """*command* ends with *code* in it, and says *saying* where that is given; a text is a line for its shell."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        shown = command if isinstance(command, str) else " ".join(command)

        def fits(ran: Ran) -> bool:
            return ran.code == code and says(ran.stdout, saying)

        said = f" and says {describe(saying)}" if saying is not None else ""
        self._expect(f"{shown!r} ends with {code}{said}", words, fits, within)

    def says(self, command: Sequence[str]) -> Ran:
        """How *command* ends in it now. Raises: ApiError where it cannot be run; Unended."""
        return run(self.lab.api, self.pod.name, self.pod.namespace, self.name, command, COMMAND_SECONDS, SAID_BYTES)

    def has_file(self, path: str, saying: Text | None = None, *, within: float | None = None) -> None:
        """File *path* is there, and says *saying* where that is given."""

        def told(ran: Ran) -> str:
            if ran.code:
                return "has no such file" if "No such file" in ran.stderr else f"says {ran.stderr.strip()[:SHOWN]!r}"
            return f"has {ran.stdout.strip()[:SHOWN]!r} there"

        said = f" says {describe(saying)}" if saying is not None else " is there"
        self._expect(
            f"{path}{said}",
            ["cat", path],
            lambda ran: ran.code == 0 and says(ran.stdout, saying),
            within,
            told,
            lambda pod: self._why_elsewhere(pod, path),
        )

    def has_no_file(self, path: str, *, within: float | None = None) -> None:
        """Nothing is at *path*."""
        self._expect(f"nothing at {path}", ["sh", "-c", f"[ ! -e {path!r} ]"], lambda ran: ran.code == 0, within)

    def has_one_token(
        self, path: str, *, account: str, audience: str, seconds: float, within: float | None = None
    ) -> None:
        """It has one ServiceAccount token: at *path*, of *account*, for *audience*, good for *seconds* at most."""
        whose = f"system:serviceaccount:{self.pod.namespace}:{account}"

        def fits(ran: Ran) -> bool:
            claims = claims_of(ran.stdout)
            return claims.get("aud") == [audience] and lifetime(claims) <= seconds and claims.get("sub") == whose

        def told(ran: Ran) -> str:
            claims = claims_of(ran.stdout)
            if not claims:
                return f"has no token at {path}"
            of = str(claims.get("sub")).rpartition(":")[2]
            whom = ", ".join(claims.get("aud", []))
            return f"has a token of {of} for {whom} there, which lives {lifetime(claims):.0f} s"

        def why_wrong(pod: Object) -> Cause | None:
            return why_wrong_token(pod, self.name, path, account)

        def alone(pod: Object) -> Look:
            paths = [token.path for token in tokens_of(pod, self.name)]
            return Look(len(paths) == 1, f"its tokens are at {', '.join(paths)}")

        def why_more(pod: Object) -> Cause | None:
            return why_other_token(pod, self.name, path)

        what = f"a token of {account} for {audience} at {path} that lives at most {seconds:.0f} s"
        self._expect(what, ["cat", path], fits, within, told, why_wrong, lambda pod: token_field(pod, self.name, path))
        self._wait(f"no token but {path}", alone, lambda: "has another one", within, why_more)

    def has_process(self, saying: Text, *, within: float | None = None) -> None:
        """A process runs whose command line is *saying*, or has it in it where that is a pattern."""

        def fits(ran: Ran) -> bool:
            return any(says(line, saying) for line in ran.stdout.splitlines())

        self._expect(f"a process {describe(saying)}", ["sh", "-c", PROCESSES], fits, within)

    def logs(self, saying: Text, *, previous: bool = False, within: float | None = None) -> None:
        """A line of its log is *saying*, or has it in it where that is a pattern.

        Args:
            previous: the log of its life before the newest restart.
        """
        seen: list[str] = []

        def look(pod: Object) -> Look:
            seen[:] = self.lab.api.log(pod, self.name, previous=previous).splitlines()
            met = any(says(line, saying) for line in seen)
            return Look(met, f"its last line is {seen[-1][:SHOWN]!r}" if seen else "it has logged nothing")

        which = "its former log" if previous else "its log"
        self._wait(f"{describe(saying)} in {which}", look, lambda: f"has no line {describe(saying)} in {which}", within)

    def _expect(
        self,
        what: str,
        command: Sequence[str],
        fits: Callable[[Ran], bool],
        within: float | None,
        told: Callable[[Ran], str] | None = None,
        walk: Callable[[Object], Cause | None] = lambda _pod: None,
        field: Callable[[Object], Field] | None = None,
    ) -> None:
        """Wait until *command* ends in a way that *fits*; *told* says in words how it ended, where that is known."""
        last: list[str] = []

        def look(pod: Object) -> Look:
            last[:] = ["has not been asked"]
            if not self._is_running(pod):
                return Look(False, state_of(pod))
            met, last[0] = self._ask(command, fits, told)
            return Look(met, f"it {last[0]}")

        self._wait(what, look, lambda: last[0], within, walk, field)

    def _ask(
        self, command: Sequence[str], fits: Callable[[Ran], bool], told_by: Callable[[Ran], str] | None
    ) -> tuple[bool, str]:
        """Run *command*; whether its end fits, and what it was."""
        try:
            ran = self.says(command)
        except Unended as error:
            met, told = False, f"did not end: {error.why}"
        except ApiError as error:
            met, told = False, f"cannot run {command[0]}: {error.message[:SHOWN]}"
        else:
            words = (ran.stdout.strip() or ran.stderr.strip())[:SHOWN]
            met, told = fits(ran), told_by(ran) if told_by else f"ends with code {ran.code} and says {words!r}"
        self.lab.transcript.note(f"in {self}: {' '.join(command)}", told)
        return met, told

    def _wait(
        self,
        what: str,
        look: Callable[[Object], Look],
        told: Callable[[], str],
        within: float | None,
        walk: Callable[[Object], Cause | None] = lambda _pod: None,
        field: Callable[[Object], Field] | None = None,
    ) -> None:
        """*field* is to blame where neither a Pod that is not ready nor *walk* tells; without one, the process."""

        def why(pod: Object) -> Cause | None:
            found = why_pod_not_ready(self.lab.scene, pod)
            if found or not self._is_running(pod):
                return found
            text = f"Expected {what}: container {self.name} of Pod {self.pod.name} {told()}."
            return walk(pod) or self._about(pod, "WrongInside", text, field(pod) if field else None)

        expected = f"{what}, in {self}"
        self.lab.expect(expected, self.pod.seen(look), self.pod.explained(why), every=LOOK_LATER, within=within)

    def _why_elsewhere(self, pod: Object, path: str) -> Cause | None:
        """The file is in another container of the Pod: each has a file system of its own."""
        names = [container["name"] for container in pod["spec"]["containers"]]
        holds = {name: Container(self.pod, name)._holds(pod, path) for name in names}
        other = next((name for name in names if holds[name]), None)
        if holds[self.name] or other is None:
            return None
        text = f"{path} is in container {other}; container {self.name} has no such file."
        at = index_of(pod, self.name)
        process = process_field(pod["spec"]["containers"][at])
        return self._about(pod, "OtherContainer", text, ("spec", "containers", at, process, path))

    def _holds(self, pod: Object, path: str) -> bool:
        return self._is_running(pod) and self._ask(["cat", path], lambda ran: ran.code == 0, None)[0]

    def _about(self, pod: Object, reason: str, text: str, field: Field | None = None) -> Cause:
        """What is wrong in here, by its process where no *field* is known; one that has just begun may mend it yet."""
        at = index_of(pod, self.name)
        field = field or ("spec", "containers", at, process_field(pod["spec"]["containers"][at]))
        final = age(dig(self._status(pod), "state", "running", "startedAt")) > START_SECONDS
        return about(pod, reason, text, field, final=final)

    def _status(self, pod: Object) -> Object:
        return next((status for status in statuses(pod) if status["name"] == self.name), {})

    def _is_running(self, pod: Object) -> bool:
        if all(c["name"] != self.name for c in pod["spec"]["containers"]):
            return False
        return bool(dig(self._status(pod), "state", "running"))

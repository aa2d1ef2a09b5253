"""Problems of an input, found in one pass and reported in one way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Severity = Literal["error", "repair", "note"]
EXAMPLES = 3


class DothiError(Exception):
    """Base of every error that Dothi raises on purpose."""


class EngineMissingError(DothiError):
    """A library or program of an extra is not installed."""


class ConvergenceError(DothiError):
    """An iteration ended before it reached its tolerance."""


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One broken rule of an input.

    Attributes
    ----------
    rule
        What should hold (error), what was done (repair) or what to know (note).
    file, table, column
        Where; any of them may be empty.
    n_rows
        How many rows are concerned; 0 where rows make no sense.
    rows
        The first few of them: ids, line numbers or keys.
    severity
        ``error`` stops the work, ``repair`` was put right, ``note`` is for the reader.
    """

    rule: str
    file: str = ""
    table: str = ""
    column: str = ""
    n_rows: int = 0
    rows: tuple[str, ...] = ()
    severity: Severity = "error"

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Problem:
        """Problem from its fields, as `plain` gives them."""
        return cls(**{**plain, "rows": tuple(plain.get("rows", ()))})

    @property
    def plain(self) -> dict[str, Any]:
        """Its fields, for files and programs."""
        return asdict(self)

    @property
    def place(self) -> str:
        """File, table and column as one address."""
        address = ".".join(part for part in (self.table, self.column) if part)
        return ": ".join(part for part in (self.file, address) if part)

    def __str__(self) -> str:
        text = f"{self.place}: {self.rule}" if self.place else self.rule
        if not self.n_rows:
            return text
        noun = "row" if self.n_rows == 1 else "rows"
        if not self.rows:
            return f"{text} ({self.n_rows} {noun})"
        lead = "e.g. " if self.n_rows > len(self.rows) or self.n_rows > 1 else ""
        return f"{text} ({self.n_rows} {noun}, {lead}{', '.join(self.rows)})"


class InputError(DothiError):
    """
    All problems of an input, raised together.

    Parameters
    ----------
    problems
        What is wrong.
    finished
        What was finished and is kept all the same, such as other scenarios of a run.
    """

    def __init__(self, problems: Iterable[Problem], finished: Iterable[str] = ()) -> None:
        self.problems = tuple(problems)
        self.finished = tuple(finished)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...], tuple[str, ...]]]:
        """Keep the problems when the error comes from another process."""
        return InputError, (self.problems, self.finished)


class Problems:
    """
    Collector of problems: report everything, then raise once.

    Parameters
    ----------
    file
        Name put on every problem that names no file of its own.
    """

    def __init__(self, file: str = "") -> None:
        self.file = file
        self._found: list[Problem] = []

    def add(self, problem: Problem) -> None:
        """Take a problem in."""
        self._found.append(problem if problem.file or not self.file else replace(problem, file=self.file))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take problems in."""
        for problem in problems:
            self.add(problem)

    def _report(
        self, severity: Severity, rule: str, table: str, column: str, rows: Iterable[Any], n_rows: int | None
    ) -> None:
        listed = list(rows)
        count = len(listed) if n_rows is None else n_rows
        examples = tuple(str(row) for row in listed[:EXAMPLES])
        self.add(Problem(rule, "", table, column, count, examples, severity))

    def error(
        self, rule: str, *, table: str = "", column: str = "", rows: Iterable[Any] = (), n_rows: int | None = None
    ) -> None:
        """Report a broken rule that stops the work."""
        self._report("error", rule, table, column, rows, n_rows)

    def repair(
        self, rule: str, *, table: str = "", column: str = "", rows: Iterable[Any] = (), n_rows: int | None = None
    ) -> None:
        """Report something that was put right."""
        self._report("repair", rule, table, column, rows, n_rows)

    def note(
        self, rule: str, *, table: str = "", column: str = "", rows: Iterable[Any] = (), n_rows: int | None = None
    ) -> None:
        """Report something the reader should know."""
        self._report("note", rule, table, column, rows, n_rows)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop the work."""
        return tuple(problem for problem in self._found if problem.severity == "error")

    def raise_errors(self) -> None:
        """Raise `InputError` with all errors found so far, if any."""
        if self.errors:
            raise InputError(self.errors)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

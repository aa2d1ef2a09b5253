"""Errors as answers: one dictionary from error to status, one shape for what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dothi.catalogue import Facts
from dothi.errors import ConvergenceError, DothiError, EngineMissingError, InputError, Problem
from dothi.overview import ProblemFacts
from dothi.shown import MissingError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request


class BusyError(InputError):
    """Something else goes on that must end first."""


class TooLargeError(InputError):
    """More was sent than is taken."""


class WrongTypeError(InputError):
    """What was sent is of another media type than what is taken."""


STATUS: Final[dict[type[DothiError], int]] = {
    MissingError: 404,
    BusyError: 409,
    TooLargeError: 413,
    WrongTypeError: 415,
    InputError: 422,
    EngineMissingError: 501,
    ConvergenceError: 500,
    DothiError: 500,
}
"""HTTP status of every error that Dothi raises on purpose; that of the nearest base counts."""


class ProblemsFacts(Facts):
    """Everything wrong with a request, or with what it asked for."""

    problems: list[ProblemFacts]


ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ProblemsFacts, "description": "There is nothing at this address."},
    422: {"model": ProblemsFacts, "description": "The request breaks rules; all of them are named."},
}


def status_of_error(error: DothiError) -> int:
    """HTTP status of an error, by `STATUS`."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def answer(status: int, problems: Iterable[Problem]) -> JSONResponse:
    """Answer that names problems; never kept by a cache."""
    listed = [ProblemFacts.of(problem).model_dump() for problem in problems]
    return JSONResponse({"problems": listed}, status, headers={"Cache-Control": "no-store"})


def answer_errors(app: FastAPI) -> None:
    """Let an app answer errors with their problems."""

    @app.exception_handler(DothiError)
    def on_purpose(_request: Request, error: DothiError) -> JSONResponse:
        problems = error.problems if isinstance(error, InputError) else (Problem(str(error)),)
        return answer(status_of_error(error), problems)

    @app.exception_handler(RequestValidationError)
    def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, [Problem(_rule(entry), column=str(entry["loc"][-1])) for entry in error.errors()])

    @app.exception_handler(HTTPException)
    def refused(_request: Request, error: HTTPException) -> JSONResponse:
        rules = {
            404: "is an address of this server",
            405: "is asked for with a method that this address knows, such as GET",
        }
        rule = rules.get(error.status_code, str(error.detail))
        return answer(error.status_code, [Problem(rule)])


def _rule(entry: dict[str, Any]) -> str:
    """What a parameter of a request should be, in our words where pydantic's are for programmers."""
    message = str(entry["msg"])
    if expected := entry.get("ctx", {}).get("expected"):
        return f"is {expected}"
    return message[:1].lower() + message[1:]

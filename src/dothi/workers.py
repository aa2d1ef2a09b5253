"""Where work is done: in this process, or in a pool of processes that dies with it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
WATCH_S = 0.2


class Inline(Executor):
    """Executor that does the work at once, in this process."""

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do the work; its result or error is in the future."""
        future: Future[T] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(error)
        return future


def processes(workers: int | None = None) -> Executor:
    """
    Pool of processes.

    Parameters
    ----------
    workers
        How many; as many as there are processors, at most 4, where None. With 0, work is done in this process.

    Returns
    -------
    concurrent.futures.Executor
        Its processes end when this one does, however it ends.
    """
    if workers == 0:
        return Inline()
    count = workers or min(4, os.cpu_count() or 1)
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_watch, initargs=(os.getpid(),))


def _watch(parent: int) -> None:
    """End this process when its parent is gone; an interruption from the keyboard is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def look() -> Any:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()

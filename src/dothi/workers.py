"""Where work is done: in this process, in a pool of processes that dies with it, or on a cluster."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.util import Finalize
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from dothi.errors import DothiError, EngineMissingError

P = ParamSpec("P")
T = TypeVar("T")
WATCH_S = 0.2
LAST = -1000
"""Order among the things done when a process ends."""
ANSWER_S = 10.0


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


class Pool(ProcessPoolExecutor):
    """
    Pool of processes; two of them start at once, and import what all work needs while this process looks what to do.

    Attributes
    ----------
    workers
        How many there are.
    """

    def __init__(self, workers: int) -> None:
        super().__init__(workers, mp_context=get_context("spawn"), initializer=_watch, initargs=(os.getpid(),))
        self.workers = workers
        for _ in range(min(workers, 2)):
            self.submit(import_module, "geopandas")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """
        End it; with `cancel_futures` at once, half a step being no step.

        Nothing is cancelled then: before Python 3.14 a pool that loses its processes while a future of it is
        cancelled fails in its own thread.
        """
        if cancel_futures:
            for process in list((self._processes or {}).values()):
                process.kill()
        super().shutdown(wait=wait)


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
    return Pool(workers or min(4, os.cpu_count() or 1))


class Cluster(Executor):
    """
    Workers of a Dask cluster, which must see the folder of the study under the same name as this machine.

    Parameters
    ----------
    address
        Address of its scheduler, such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    EngineMissingError
        Dask is not installed.
    DothiError
        No scheduler answers there.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client as Connected
        except ModuleNotFoundError as error:
            rule = "Dask is not installed. Install it with: pip install 'dothi[cluster]'"
            raise EngineMissingError(rule) from error
        where = urlsplit(address)
        if not where.hostname or ":" not in where.netloc:
            raise DothiError(f"{address} is no address of a Dask scheduler, such as tcp://10.0.0.5:8786")
        try:
            socket.create_connection((where.hostname, where.port or 0), timeout=ANSWER_S).close()
            client: Any = Connected
            self._client = client(address, timeout=ANSWER_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise DothiError(f"No Dask scheduler answers at {address}: {error}") from error
        self._executor = self._client.get_executor(pure=False)

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have the work done by one of the workers."""
        future: Future[T] = self._executor.submit(work, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the cluster, which goes on; what was not begun is given up where nobody waits for it."""
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._client.close()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Let go of the cluster; after an error or an interruption without waiting."""
        self.shutdown(wait=kind is None)


class Late(Executor):
    """
    Executor that is made when it is first given work: where everything is found, nothing is started.

    Parameters
    ----------
    make
        Makes it.
    """

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make = make
        self._made: Executor | None = None

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Hand the work on."""
        if self._made is None:
            self._made = self._make()
        return self._made.submit(work, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End it, where it was made."""
        if self._made is not None:
            self._made.shutdown(wait=wait, cancel_futures=cancel_futures)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """End it; after an error or an interruption without waiting for what nobody wants any longer."""
        self.shutdown(wait=kind is None, cancel_futures=kind is not None)


def executor_for(scheduler: str | None = None, workers: int | None = None) -> Executor:
    """
    Where the work of a run is done.

    Parameters
    ----------
    scheduler
        Address of the scheduler of a Dask cluster; this machine where None.
    workers
        Processes on this machine, see `processes`.

    Raises
    ------
    EngineMissingError
        Dask is not installed.
    DothiError
        No scheduler answers there.
    """
    return Cluster(scheduler) if scheduler else Late(partial(processes, workers))


def _watch(parent: int) -> None:
    """
    End this process when its parent is gone; an interruption from the keyboard is the parent's to handle.

    xarray imports Dask where it is installed, which takes half a second, only to find that no array is one of Dask's.
    """
    sys.modules.setdefault("dask", None)  # type: ignore[arg-type]
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def look() -> Any:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
    Finalize(None, _leave, exitpriority=LAST)


def _leave() -> None:
    """End this process at once: to take all libraries down, one object after the other, takes half a second."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)

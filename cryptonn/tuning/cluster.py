"""Trials on other machines: joblib hands them to dask, whose workers answer with outcomes.

Workers need cryptonn, the same versions of its libraries, and the candles under the same path. Only
the search writes.
"""

import logging
from collections.abc import Iterator
from typing import Any

from cryptonn.errors import ConfigError
from cryptonn.tuning.engine import Ask, Engine, OnReport, Outcomes, lost
from cryptonn.tuning.worker import Worker, take
from cryptonn.versions import versions_of

__all__ = ["connect"]

_PATIENCE = 5
"""Seconds that a scheduler gets to answer, and then its first worker to come."""
_SAME = ("cryptonn", "tensorflow", "keras", "numpy", "pandas")
"""Packages whose versions must be the same everywhere."""

_IDLE: list[Worker] = []
"""Processes of a cluster's worker that wait for a trial."""
_DIED = "every worker process that ran it died, as one does that is out of memory"
_GONE = "Give the same command again once it is back: what is finished is kept."


def connect(address: str | None) -> Engine:
    """Reach the scheduler of dask at an address, such as tcp://127.0.0.1:8786.

    Raises
    ------
    ConfigError
        If dask is not installed or does not answer, has no worker, or its workers lack cryptonn.
    """
    try:
        return _Dask(address)
    except ImportError as error:
        raise ConfigError(
            f"--engine dask needs a library that is not installed ({error.name}): pip install "
            "'cryptonn[dask]'."
        ) from error


class _Dask:
    """Trials on the workers of a dask scheduler."""

    name = "dask"
    reports_epochs = False

    def __init__(self, address: str | None) -> None:
        import distributed

        if address is None:
            raise ConfigError(
                "--engine dask needs --address, such as tcp://127.0.0.1:8786. Start a scheduler "
                "with `dask scheduler` and workers with `dask worker ADDRESS --nthreads 1`."
            )
        for part in ("distributed", "distributed.client"):  # what goes wrong is said in our words
            logging.getLogger(part).setLevel(logging.CRITICAL)
        try:
            self._client = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{address}: no dask scheduler answers there ({_first_line(error)}). Start one "
                "with `dask scheduler`, or mend --address."
            ) from error
        self._address = address
        self.workers = self._check_workers()

    def run(self, ask: Ask, on_report: OnReport) -> Outcomes:
        """Run every task; see ``Engine``."""
        import distributed

        while (first := ask()) is not None:
            under_way: dict[int, dict[str, Any]] = {}
            try:
                if (
                    sum(self._client.ncores().values()) == 1
                ):  # joblib would run a single job here, not there
                    yield self._alone(first)
                else:
                    yield from self._together(ask, first, under_way)
            except (
                distributed.KilledWorker
            ):  # joblib ends with it and does not say which trial it was
                for task in list(under_way.values()):
                    yield self._alone(task)
            except (OSError, distributed.CancelledError) as error:
                raise ConfigError(
                    f"{self._address}: lost the dask scheduler ({_first_line(error)}). {_GONE}"
                ) from error

    def _together(
        self, ask: Ask, first: dict[str, Any], under_way: dict[int, dict[str, Any]]
    ) -> Outcomes:
        from joblib import Parallel, delayed, parallel_config

        def tasks() -> Iterator[Any]:
            task: dict[str, Any] | None = first
            while task is not None:
                under_way[task["number"]] = task
                yield delayed(_run_apart)(task)
                task = ask()

        with parallel_config("dask", client=self._client, wait_for_workers_timeout=_PATIENCE):
            parallel = Parallel(
                n_jobs=-1, batch_size=1, pre_dispatch="n_jobs", return_as="generator_unordered"
            )
        for outcome in parallel(tasks()):
            under_way.pop(outcome["number"])
            yield outcome

    def _alone(self, task: dict[str, Any]) -> dict[str, Any]:
        import distributed

        try:
            return dict(self._client.submit(_run_apart, task, pure=False).result())
        except distributed.KilledWorker:
            return lost(task["number"], _DIED)

    def _check_workers(self) -> int:
        """Return how many workers there are, all of which can run a trial."""
        import distributed

        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
            ready = self._client.run(_versions, on_error="return")
        except (TimeoutError, distributed.TimeoutError) as error:
            raise ConfigError(
                f"{self._address}: the dask scheduler has no worker. Start some with `dask worker "
                f"{self._address} --nthreads 1`."
            ) from error
        for worker, answer in ready.items():
            if isinstance(answer, Exception):
                raise ConfigError(
                    f"{worker}: this dask worker cannot run cryptonn ({_first_line(answer)})."
                ) from answer
            if answer != _versions():
                raise ConfigError(
                    f"{worker}: this dask worker has other versions than the search, so its "
                    f"results would differ: {_different(answer, _versions())}. Install the same "
                    "ones everywhere."
                )
        return len(ready)


def _run_apart(task: dict[str, Any]) -> dict[str, Any]:
    """Run a trial, on a worker of a cluster, in a process of its own that is kept for
    the next one.
    """
    worker = take(_IDLE, task["environment"])
    worker.start(task)
    outcome = None
    while outcome is None:
        outcome = worker.answer(_go_on)
    _IDLE.append(worker)
    return outcome


def _go_on(number: int, epoch: dict[str, Any]) -> bool:
    return False


def _versions() -> dict[str, str]:
    return {name: str(found) for name, found in versions_of(_SAME).items()}


def _different(there: dict[str, str], here: dict[str, str]) -> str:
    return ", ".join(
        f"{name} {there.get(name)} there, {here[name]} here"
        for name in here
        if there.get(name) != here[name]
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""Where a fit stands after its newest epoch, in one file.

Killed at any moment it goes on with the next epoch, and ends with the weights it would have had,
to the bit.
"""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cryptonn.config import RunConfig
from cryptonn.learning.backend import keras
from cryptonn.learning.batches import TrainRows
from cryptonn.output import to_json, write_file
from cryptonn.versions import backend_name, versions_of

__all__ = ["Checkpoint", "Standing", "identity_of"]

Weights = list[NDArray[Any]]

_FORMAT = 1
_AS_CLOSE = 1e-6
"""Two validation losses of one network on the same rows differ by less, relatively:
by last bits at most.
"""


@dataclass
class Standing:
    """What a fit has reached, besides what the network itself holds."""

    average: Weights
    """The weights that are validated: an average over the steps, or the newest ones."""
    best: Weights = field(default_factory=list)
    """Of the epoch of lowest validation loss."""
    epochs: list[dict[str, Any]] = field(default_factory=list)
    """The numbers of each epoch."""


@dataclass
class Checkpoint:
    """A file that a fit writes after each epoch and goes on from.

    It is of one configuration, its train rows and its validation rows:
    a file of others, or one that is damaged, is as good as none, and the fit begins anew.
    Whoever began the fit removes the file when its result is kept.
    """

    path: Path
    earlier: list[dict[str, Any]] = field(default_factory=list, init=False)
    """The numbers of the epochs that were read and not trained again."""

    @property
    def seconds(self) -> float:
        """What those epochs took, in earlier sittings."""
        return float(sum(epoch["seconds"] for epoch in self.earlier))

    def save(
        self,
        standing: Standing,
        network: keras.Model,
        rng: np.random.Generator,
        *,
        of: dict[str, Any],
    ) -> None:
        """Write where a fit stands; ``of`` is what ``identity_of`` says of it.

        Raises
        ------
        OutputError
            If the disk is full, or the place cannot be written; the file of the epoch before stays.
        """
        facts = {"of": of, "epochs": standing.epochs, "rng": rng.bit_generator.state}
        groups = {"variables": _values(network), "average": standing.average, "best": standing.best}
        arrays: dict[str, Any] = {
            f"{name}-{place}": one
            for name, group in groups.items()
            for place, one in enumerate(group)
        }
        arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
        content = io.BytesIO()
        np.savez(content, **arrays)
        write_file(self.path, content.getvalue())

    def load(
        self,
        network: keras.Model,
        rng: np.random.Generator,
        *,
        of: dict[str, Any],
        validate: Callable[[], tuple[float, float]],
    ) -> Standing | None:
        """Set a compiled network and the random numbers to where the fit stood;
        None if there is nothing to go on from.

        They are as they were then. What the network says at the validation rows must come
        to the loss that it had: other rows, or other code that makes them, are noticed by that.
        """
        arrays = _read(self.path)
        facts = json.loads(arrays.pop("facts").tobytes()) if "facts" in arrays else {}
        variables, average, best = (
            _group(arrays, name) for name in ("variables", "average", "best")
        )
        if facts.get("of") != of or not _fits(network, variables, average, best):
            return None
        fresh = _values(network)
        _assign(network, variables)
        newest = network.get_weights()
        network.set_weights(average)
        found = validate()[0]
        expected = facts["epochs"][-1]["val_loss"]
        network.set_weights(newest)
        if not np.isclose(found, expected, rtol=_AS_CLOSE, atol=0):
            _assign(network, fresh)
            return None
        rng.bit_generator.state = facts["rng"]
        self.earlier = facts["epochs"]
        return Standing(average, best, list(facts["epochs"]))


def identity_of(config: RunConfig, rows: TrainRows) -> dict[str, Any]:
    """Return what a fit depends on, as JSON has it; where the candles lie is none of it."""
    plain = config.model_dump(mode="json", exclude={"description", "search", "selection"})
    plain["data"].pop("folder")
    digest = hashlib.sha256()
    for part in (rows.bars, rows.target, rows.weight):
        digest.update(part.tobytes())
    versions = versions_of(("tensorflow", "keras", "numpy"))
    facts = {"format": _FORMAT, "rows": digest.hexdigest(), "backend": backend_name(), **versions}
    kept: dict[str, Any] = json.loads(to_json({"config": plain, **facts}))
    return kept


def _variables(network: keras.Model) -> list[Any]:
    """Return weights, seeds of the dropout layers, and what the optimizer remembers,
    in an order of their own.
    """
    network.optimizer.build(network.trainable_variables)
    return [variable for layer in network.layers for variable in layer.variables] + list(
        network.optimizer.variables
    )


def _assign(network: keras.Model, values: Weights) -> None:
    for variable, value in zip(_variables(network), values, strict=True):
        variable.assign(value)


def _fits(network: keras.Model, variables: Weights, average: Weights, best: Weights) -> bool:
    """Tell whether values have the shapes that the network's have."""
    weights = [one.shape for one in network.get_weights()]
    there = [[one.shape for one in group] for group in (variables, average, best)]
    return there == [[tuple(one.shape) for one in _variables(network)], weights, weights]


def _values(network: keras.Model) -> Weights:
    return [np.array(variable.numpy()) for variable in _variables(network)]


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, BadZipFile):
        return {}


def _group(arrays: dict[str, NDArray[Any]], name: str) -> Weights:
    numbers: Sequence[int] = sorted(
        int(key.partition("-")[2]) for key in arrays if key.startswith(f"{name}-")
    )
    return [arrays[f"{name}-{number}"] for number in numbers]

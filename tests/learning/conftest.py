"""The small market of these tests, made once."""

from collections.abc import Callable
from typing import Any

import pytest
from small_market import Material, material, small_config, small_frame

from cryptonn.market.candles import Frame


@pytest.fixture(scope="session")
def frame() -> Frame:
    return small_frame()


@pytest.fixture(scope="session")
def make_material(frame: Frame) -> Callable[..., Material]:
    def made(**sections: dict[str, Any]) -> Material:
        return material(small_config(**sections), frame)

    return made

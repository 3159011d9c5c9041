"""The run file: what it accepts, and that every mistake is named with a way out."""

import json
import tomllib
from pathlib import Path

import pytest

from cryptonn.config import load_config, parse_config
from cryptonn.errors import ConfigError
from cryptonn.market.bars import FIELDS
from cryptonn.market.extras import EXTRAS
from cryptonn.output import to_json

FILES = {"ETH/USD": ["eth.csv"], "BTC/USD": ["btc.csv"]}
RUN = {"data": {"train": "20180101-20190101", "test": {"q1": "20190101-20190401"}}}


def run_with(**sections: object) -> dict[str, object]:
    return {**RUN, **sections}


def test_defaults_are_pessimistic() -> None:
    config = parse_config(RUN, source="x.toml")
    assert config.costs.taker > 0 and config.costs.slippage > 0 and config.costs.spread > 0
    assert config.labels.ties == "exclude"
    assert config.purge == config.labels.horizon
    assert config.signal.direction == "long"


def test_resolved_file_reads_back_the_same() -> None:
    config = parse_config(run_with(features={"clip": 0}, signal={"enter": 0.55}), source="x.toml")
    assert parse_config(tomllib.loads(config.to_toml()), source="y.toml") == config


@pytest.mark.parametrize(
    "file", sorted(Path("backtests").glob("*.toml")), ids=lambda path: path.stem
)
def test_every_run_file_survives_json(file: Path) -> None:
    """A model keeps its run file as JSON, which has no nan: figures nobody quoted became null and were refused."""
    config = load_config(file)
    read = parse_config(json.loads(to_json(config.model_dump(mode="json"))))
    assert repr(read) == repr(config)  # nan is not equal to itself


@pytest.mark.parametrize(
    "sections",
    [
        {"features": {"columns": [*FIELDS, *EXTRAS], "clip": 0}},
        {"features": {"columns": [*FIELDS], "scaling": "window"}, "training": {"form": "windowed"}},
        {"training": {"decay": 1e-6, "schedule": "inverse_time"}},
        {"training": {"histograms": True}},
        {"data": {**RUN["data"], "exchange": "bitfinex"}},
    ],
)
def test_options_that_others_allow(sections: dict[str, object]) -> None:
    parse_config(run_with(**sections))


@pytest.mark.parametrize("name", [*FIELDS, *EXTRAS])
def test_every_column_as_it_is_must_not_be_cut(name: str) -> None:
    with pytest.raises(ConfigError, match=f"columns holds {name} as the candles have them"):
        parse_config(run_with(features={"columns": [name]}))


@pytest.mark.parametrize("key", ["maker", "taker", "spread", "slippage"])
@pytest.mark.parametrize(("number", "meant"), [(0.1, "0.1%"), (0.2, "0.2%"), (10, "10bp")])
def test_a_fee_above_one_per_cent_is_questioned(key: str, number: float, meant: str) -> None:
    with pytest.raises(ConfigError, match=rf"costs\.{key} = {number} .*Did you mean {meant}\?"):
        parse_config(run_with(costs={key: number}))


def test_a_large_fee_with_its_unit_survives_the_resolved_file_and_json() -> None:
    config = parse_config(run_with(costs={"taker": "2%", "borrow": "60%"}))
    assert (config.costs.taker, config.costs.borrow) == (0.02, 0.6)
    assert parse_config(tomllib.loads(config.to_toml())) == config
    assert parse_config(json.loads(to_json(config.model_dump(mode="json")))) == config


def test_epochs_from_the_command_line_reach_the_published_settings_and_nothing_else() -> None:
    settings = {
        "training": {"epochs": 10, "form": "windowed", "lookback": 30},
        "labels": {"ties": "up"},
    }
    config = parse_config(
        run_with(training={"epochs": 16}, published={"system": "one", "settings": settings})
    )
    quick = config.with_epochs(2)
    assert quick.training == config.training.model_copy(update={"epochs": 2, "full_epochs": 16})
    as_published, whole = quick.as_published(), config.as_published()
    assert (whole.training.epochs, as_published.training.epochs) == (10, 2)
    shorter = whole.training.model_copy(update={"epochs": 2, "full_epochs": 10})
    assert as_published == whole.model_copy(update={"training": shorter})
    assert quick.with_epochs(16).training == config.training
    assert config.published.settings["training"]["epochs"] == 10, "the run given is not changed"


@pytest.mark.parametrize("path", sorted(Path("backtests").glob("*.toml")), ids=str)
def test_every_run_file_of_the_project_is_valid(path: Path) -> None:
    assert load_config(path).name


@pytest.mark.parametrize("text", [0.001, "0.001", "0.1%", "10bp", "10 bp"])
def test_a_fee_may_be_written_three_ways(text: float | str) -> None:
    assert parse_config(run_with(costs={"taker": text}), source="x.toml").costs.taker == 0.001


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"costs": {"taker": 10}}, r"costs\.taker.*Did you mean 10bp"),
        ({"costs": {"taker": -0.001}}, r"costs\.taker.*negative"),
        ({"costs": {"taker": "cheap"}}, r"costs\.taker.*Write 0\.001, 0\.1% or 10bp"),
        ({"trainin": {}}, "trainin is not a setting. Did you mean 'training'"),
        (
            {"training": {"lookbak": 5}},
            r"training\.lookbak is not a setting. Did you mean 'lookback'",
        ),
        (
            {"network": {"lookback": 5}},
            r"network\.lookback is not a setting. Did you mean training\.lookback",
        ),
        (
            {"search": {"fine": {"methd": "tpe", "space": {"seed": [1]}}}},
            "search.fine.methd is not .* mean 'method'",
        ),
        (
            {"published": {"system": "x", "metrik": "y"}},
            "published.metrik is not a setting. Did you mean 'metric'",
        ),
        (
            {"published": {"system": "x", "leaks": {"purg": "y"}}},
            "leaks.purg is not a setting. Did you mean 'purge'",
        ),
        ({"training": {"epochs": 0}}, r"training\.epochs must be 1 or more \(it is 0\)"),
        ({"labels": {"ties": "maybe"}}, r'labels\.ties must be "exclude", "up" or "down"'),
        ({"split": {"purge": 3}}, r"purge = 3 is below labels\.horizon = 5"),
        ({"signal": {"enter": "best"}}, r'signal\.enter.*"top 1%"'),
        ({"signal": {"enter": 0.3}}, r"signal\.enter.*\[0\.5, 1\)"),
        (
            {"labels": {"kind": "return"}},
            r'kind = "return" needs network\.output = "linear", training\.loss = "mse"',
        ),
        (
            {
                "labels": {"kind": "price"},
                "network": {"output": "linear"},
                "training": {"loss": "mse"},
            },
            r'kind = "price" with features\.clip = 5: .* Set features\.clip = 0',
        ),
        (
            {"features": {"columns": ["log_return", "close", "volume"]}},
            r"features: columns holds close, volume as .* clip = 5: .* Set features\.clip = 0",
        ),
        (
            {"features": {"columns": ["taker_quote"], "clip": 3}},
            r"columns holds taker_quote .* Set features\.clip = 0",
        ),
        (
            {"training": {"decay": 1e-6}},
            r'training: decay = 1e-06 needs schedule = "inverse_time": under "constant"',
        ),
        (
            {"training": {"decay": 1e-6, "schedule": "cosine"}},
            r'decay = 1e-06 needs .* under "cosine" it does nothing',
        ),
        (
            {"training": {"histograms": True, "tensorboard": False}},
            "histograms = true needs tensorboard = true",
        ),
        (
            {"data": {**RUN["data"], "source": "synthetic", "exchange": "x"}},
            'exchange needs source = "store"',
        ),
        (
            {"data": {**RUN["data"], "source": "files", "files": FILES, "exchange": "bitfinex"}},
            r'data: exchange needs source = "store": files, and the synthetic market, are of none',
        ),
        (
            {
                **{
                    "labels": {"kind": "price"},
                    "network": {"output": "linear"},
                    "features": {"scaling": "window"},
                },
                "training": {"loss": "mse", "form": "windowed"},
            },
            r'kind = "price" with features\.scaling = "window": .* Set labels\.kind = "return"',
        ),
        ({"data": {"train": "2018"}}, r"data\.train.*must look like 20180101-20190101"),
        ({"data": {"train": "20181332-20190101"}}, r"data\.train.*20181332 is not a date"),
        ({"data": {"train": "20190101-20180101"}}, "the start must lie before the end"),
        ({"data": {"train": "20180101-"}}, "train needs an end"),
        ({"data": {}}, r"data\.train is missing"),
        (
            {"data": {"train": "20180101-20190101", "others": ["ETH/USD"]}},
            "must not repeat the target",
        ),
        (
            {"data": {"train": "20180101-20190101", "test": {"q": "20181201-20190201"}}},
            r"test period 'q'.*must start at or after the end of train",
        ),
    ],
)
def test_a_mistake_is_named(sections: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        parse_config({**RUN, **sections}, source="x.toml")
    assert str(caught.value).startswith("x.toml: ")


def test_every_mistake_is_listed_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(
            run_with(training={"epochs": 0, "lookbak": 5}, costs={"maker": 3}), source="x.toml"
        )
    assert len(str(caught.value).splitlines()) == 3


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "eth.toml").write_text("")
    with pytest.raises(ConfigError, match=r"no such run file. Did you mean '.*eth\.toml'"):
        load_config(tmp_path / "eht.toml")


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "eth.toml").write_text("[data\ntrain = 1\n")
    with pytest.raises(ConfigError, match=r"eth\.toml: not valid TOML.*line 1"):
        load_config(tmp_path / "eth.toml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "eth.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "eth.toml")


def test_a_run_file_by_its_name_alone_is_looked_for_where_run_files_lie() -> None:
    with pytest.raises(
        ConfigError, match="synthetic: no such run file. Did you mean 'backtests/synthetic.toml'"
    ):
        load_config(Path("synthetic"))
    with pytest.raises(ConfigError) as caught:
        load_config(Path("nofile.toml"))
    assert "backtests/capstone.toml" in str(caught.value) and "pyproject" not in str(caught.value)


def test_a_symbol_without_a_file_may_be_left_out() -> None:
    data = {"source": "files", "train": "20180101-20190101", "files": {"ETH/USD": ["one.csv"]}}
    with pytest.raises(
        ConfigError, match=r"files names none for BTC/USD.*or leave it out: others = \[\]"
    ):
        parse_config({"data": data})

"""From ``[search.NAME]`` to run files, and every way in which that goes wrong."""

from typing import Any

import pytest

from cryptonn.errors import ConfigError, DataError
from cryptonn.settings import SearchConfig
from cryptonn.tuning.space import (
    check_all,
    choices_of,
    choose_search,
    combinations,
    configured,
    read_axes,
    settings_of,
    words_of,
)
from tests.tiny_run import tiny_config
from tests.tuning.small_search import search_config

RANGE = {"low": 0.1, "high": 0.5}


def axes_of(space: dict[str, Any], **search: Any) -> Any:
    return read_axes(search_config(space, **search).search["small"])


def test_a_grid_is_every_combination_in_the_order_of_the_file() -> None:
    axes = axes_of({"network.dropout": [0.1, 0.2], "training.optimizer": ["adam", "rmsprop"]})
    assert [tuple(one.values()) for one in combinations(axes)] == [
        (0.1, "adam"),
        (0.1, "rmsprop"),
        (0.2, "adam"),
        (0.2, "rmsprop"),
    ]


def test_a_table_sets_several_keys_at_once_and_reads_short() -> None:
    both = [
        {"network.layers": [32], "network.dense": 32},
        {"network.layers": [64, 64], "network.dense": [16]},
    ]
    axes = axes_of({"hidden": both})
    assert list(axes[0].choices) == [32, "layers 64 64, dense 16"]
    assert settings_of(axes, {"hidden": 32}) == both[0]
    assert words_of({"network.dropout": 0.1, "hidden": 32}) == "dropout 0.1, hidden 32"


def test_settings_lead_back_to_their_choices() -> None:
    tables = [
        {"network.layers": [32]},
        {"network.layers": [32], "network.dense": 8},
        {"network.layers": [4, 4]},
    ]
    axes = axes_of(
        {
            "hidden": tables,
            "training.lookback": {"low": 5, "high": 9, "step": 2},
            "data.others": [[]],
        }
    )
    for choices in combinations(axes):
        assert choices_of(axes, settings_of(axes, choices)) == choices
    with pytest.raises(DataError, match="none of hidden"):
        choices_of(axes, {"network.layers": [5], "training.lookback": 5, "data.others": []})


def test_keys_without_quotes_mean_the_same() -> None:
    assert (
        search_config({"network": {"dropout": [0.1, 0.2]}}).search
        == search_config({"network.dropout": [0.1, 0.2]}).search
    )


def test_a_range_with_a_step_is_walked_by_a_grid_and_whole_numbers_stay_whole() -> None:
    (dropout, lookback) = axes_of(
        {
            "network.dropout": RANGE | {"step": 0.15},
            "training.lookback": {"low": 5, "high": 21, "step": 5},
        }
    )
    assert dropout.steps == [0.1, 0.25, 0.4]
    assert lookback.steps == [5, 10, 15, 20] and all(isinstance(one, int) for one in lookback.steps)


def test_settings_change_the_run_and_nothing_else() -> None:
    config = search_config()
    found = configured(
        config, config.search["small"], {"network.layers": [5], "seed": 9}, source="x"
    )
    assert (found.network.layers, found.seed, found.search, found.published) == ((5,), 9, {}, None)
    assert found.data == config.data and found.training == config.training


def test_settings_of_a_published_search_lie_over_the_earlier_systems() -> None:
    published = {
        "system": "an old one",
        "settings": {"training": {"form": "windowed"}},
        "leaks": {"purge": "none"},
    }
    config = tiny_config(
        published=published, search={"s": {"of": "published", "space": {"training.lookback": [7]}}}
    )
    settings = {"training.lookback": 7, "published.leaks.split": "shuffled"}
    found = configured(config, config.search["s"], settings, source="x")
    earlier = found.as_published()
    assert (earlier.training.lookback, earlier.training.form) == (7, "windowed")
    assert found.training == config.training
    assert found.published is not None and (
        found.published.leaks.split,
        found.published.leaks.purge,
    ) == (
        "shuffled",
        "none",
    )


BAD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"network.dropuot": [0.1]},
        {},
        "network.dropuot is not a setting. Did you mean 'network.dropout'?",
    ),
    ({"dropout": [0.1]}, {}, "dropout is not a setting. Did you mean network.dropout?"),
    ({"seed.one": [1]}, {}, "seed is no section"),
    ({"network.dropout": [0.1, 1.5]}, {}, "must be below 1 (it is 1.5)"),
    ({"network.dropout": RANGE}, {}, "a range without step"),
    ({"network.dropout": RANGE | {"log": True, "step": 0.1}}, {}, "both step and log"),
    ({"network.dropout": [0.1, 0.1]}, {}, "network.dropout has 0.1 twice"),
    ({"a": [{"network.dropout": 0.1}, 3]}, {}, "mixes tables with plain values"),
    (
        {"network.dropout": [0.1], "a": [{"network.dropout": 0.2}]},
        {},
        "network.dropout is set by two axes, network.dropout and a",
    ),
    ({"costs.taker": [0.001, 0.002]}, {}, "costs.taker changes nothing that is trained"),
    ({"data.test": [{"a": "20180104-20180105"}]}, {}, "is not a setting"),
    ({"published.leaks.purge": ["none"]}, {}, 'Set of = "published"'),
    ({"training.loss": ["mse", "crossentropy"]}, {}, 'metric = "val_loss" cannot compare'),
    ({"network.dropout": [0.1]}, {"metric": "auc", "pruning": "median"}, "compares epochs"),
    (
        {"seed": list(range(200)), "training.lookback": list(range(1, 101))},
        {},
        "20,000 combinations",
    ),
]


@pytest.mark.parametrize(("space", "search", "words"), BAD, ids=[words[:30] for _, _, words in BAD])
def test_a_bad_space_is_refused_before_anything_is_trained(
    space: dict[str, Any], search: dict[str, Any], words: str
) -> None:
    config = search_config(space, **search)
    with pytest.raises(ConfigError) as caught:
        axes = read_axes(config.search["small"])
        check_all(config, config.search["small"], axes, combinations(axes))
    assert words in str(caught.value)


def test_wrong_keys_are_named_all_at_once() -> None:
    """They came one at a time: mend one, start again, read of the next."""
    space = {
        "network.dropuot": [0.1],
        "netwrok.layers": [[8]],
        "costs.taker": [0.001, 0.002],
        "seed.one": [1],
        "training.lookback": [5, 5],
        "network.layers": [],
        "both": [{"training.lookbak": 3}, {"training.batchsize": 2}],
    }
    with pytest.raises(ConfigError) as caught:
        axes_of(space, metric="auc", pruning="median")
    first, *others = str(caught.value).splitlines()
    assert first == "search: network.dropuot is not a setting. Did you mean 'network.dropout'?"
    assert [line.split(" (")[0] for line in others[:2]] == [
        "netwrok is not a setting. Did you mean 'network'?",
        "costs.taker changes nothing that is trained, so every trial would give the same. On a trained run, "
        "`cryptonn compare RUN --fees 5bp,10bp` tries commissions.",
    ]
    for words in (
        "seed is no section",
        "network.layers has no value: there is nothing to try",
        "lookback has 5 twice",
        "mean 'training.lookback'",
        "mean 'training.batch_size'",
        "pruning = ",
    ):
        assert sum(words in line for line in others) == 1
    assert len(others) == 8


@pytest.mark.parametrize(
    ("key", "values", "advice"),
    [
        (
            "backtest.strategy",
            ["momentum"],
            "`cryptonn compare RUN --strategies` tries strategies.",
        ),
        ("backtest.fees", [["none"]], "`cryptonn compare RUN --fees` tries fees."),
        ("data.test", [{}], "`cryptonn compare RUN --timerange` trades other stretches."),
        ("signal.hold", [5, 10], "Give each value a run file of its own, and `cryptonn run` it."),
        ("costs.borrow", [0.1, 0.2], "Give each value a run file of its own"),
        ("backtest.cash", [1e4, 1e5], "Give each value a run file of its own"),
    ],
)
def test_a_setting_that_is_not_trained_is_sent_where_it_can_be_tried(
    key: str, values: list[Any], advice: str
) -> None:
    """`compare` was advised for all of them, but takes strategies, fees and a stretch alone."""
    space = {key: values} if key != "data.test" else {"data.test.q2": ["20190101-20190201"]}
    with pytest.raises(ConfigError, match="changes nothing that is trained") as caught:
        axes_of(space)
    assert advice in str(caught.value)
    assert ("compare" in str(caught.value)) is ("compare" in advice)


def test_every_problem_is_named_with_a_combination_that_has_it() -> None:
    config = search_config({"network.dropout": [0.1, 2.0], "training.lookback": [5, 0]})
    axes = read_axes(config.search["small"])
    with pytest.raises(ConfigError) as caught:
        check_all(config, config.search["small"], axes, combinations(axes))
    text = str(caught.value)
    assert "network.dropout" in text and "(first with dropout 2, lookback 5)" in text
    assert "training.lookback" in text and "(first with dropout 0.1, lookback 0)" in text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({}, "space has no value for any setting"),
        (
            {"network.dropout": 0.1},
            "network.dropout takes a list of values, or a table of low and high (it is 0.1)",
        ),
        ({"network.dropout": {"low": 0.5, "high": 0.1}}, "low = 0.5 must lie below high = 0.1"),
        (
            {"seed": {"low": 1, "high": 9, "stp": 2}},
            "run: search.small.space.seed.stp is not a setting. Did you mean",
        ),
    ],
)
def test_an_empty_or_misshapen_space_is_no_run_file(space: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        search_config(space)
    assert words in str(caught.value)


def test_the_search_is_named_where_there_are_several() -> None:
    config = tiny_config(search={name: {"space": {"seed": [1]}} for name in ("grid", "fine")})
    assert choose_search(config, "fine") == "fine"
    for name, words in (
        (None, "which search? Name one with --search: grid, fine"),
        ("gird", "Did you mean 'grid'?"),
    ):
        with pytest.raises(ConfigError) as caught:
            choose_search(config, name)
        assert words in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        choose_search(tiny_config(), None)
    assert "the run file has no search. Add one" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        choose_search(tiny_config(search={"s": {"of": "published", "space": {"seed": [1]}}}), None)
    assert "has no section [published]" in str(caught.value)


def test_tables_of_equal_values_under_other_keys_are_two_choices() -> None:
    space = {"regular": [{"network.dropout": 0.1}, {"network.dense_dropout": 0.1}]}
    (axis,) = read_axes(SearchConfig.model_validate({"space": space}))
    assert list(axis.choices) == ["network.dropout 0.1", "network.dense_dropout 0.1"]


def test_pruning_as_published_needs_a_number_every_epoch_has() -> None:
    wanted = {
        "of": "published",
        "pruning": "median",
        "metric": "val_accuracy",
        "space": {"network.dropout": [0.1, 0.2]},
    }
    with pytest.raises(ConfigError, match="an epoch has the accuracy counted as published"):
        read_axes(SearchConfig.model_validate(wanted))

"""A session is opened whole or not at all: what does not fit is said in words, and leaves no database behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from served_run import Played, ReplayedClock, changed_copy, served

from cryptonn.errors import ConfigError, CryptonnError, DataError, ModelError
from cryptonn.local_exchange.market import Filters
from cryptonn.local_exchange.server import LocalExchange
from cryptonn.paper.clock import LocalClock, WallClock
from cryptonn.paper.ports import Unreadable
from cryptonn.paper.session import find_session, open_session, session_file, settings_of
from cryptonn.paper.settings import PaperSettings, symbols_of


@pytest.fixture
def exchange(tiny: Any) -> Iterator[LocalExchange]:
    with served(tiny.frame, tiny.config) as found:
        yield found


@pytest.fixture
def run(results: Path) -> Path:
    return next(results.iterdir())


@contextmanager
def opened(run: Path, served: LocalExchange, name: str = "local", **settings: Any) -> Iterator[Any]:
    with open_session(
        run,
        name,
        PaperSettings(**settings),
        environ={},
        port=served.port,
        clock=ReplayedClock(served),
    ) as session:
        yield session


def check_refused(
    run: Path, served: LocalExchange, kind: type[CryptonnError], words: str, **settings: Any
) -> None:
    with pytest.raises(kind, match=words), opened(run, served, **settings):
        pass
    assert not (run / "paper").exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"symbols": {"ETH/USD": "ETC/USD"}}, r"ETC/USD.*Did you mean"),
        ({"symbols": {"BTC/USD": "BTT/USD"}}, r"BTT/USD.*Did you mean"),
        ({"fees": "takr"}, "Did you mean 'taker'"),
        ({"cash": Decimal(0)}, "above 0"),
        ({"cash": Decimal("NaN")}, "above 0"),
        ({"cash": Decimal(-5)}, "above 0"),
        ({"exchange": "kraken"}, "no sandbox.*real money"),
        ({"exchange": "okx"}, "one host"),
        ({"exchange": "binanse"}, "Did you mean 'binance'"),
        ({"exchange": "binance"}, "CRYPTONN_KEY and CRYPTONN_SECRET"),
        ({"candles": "nowhere"}, "unknown to ccxt"),
    ],
)
def test_settings_that_cannot_be(
    run: Path, exchange: LocalExchange, settings: dict[str, Any], words: str
) -> None:
    check_refused(run, exchange, ConfigError, words, **settings)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "a b"])
def test_names_that_are_none(run: Path, exchange: LocalExchange, name: str) -> None:
    with pytest.raises(ConfigError, match="letters, digits"), opened(run, exchange, name):
        pass


def test_a_run_that_goes_short(tiny: Any, exchange: LocalExchange, tmp_path: Path) -> None:
    run = changed_copy(tiny.folder, tmp_path, signal={"direction": "long-short"})
    check_refused(run, exchange, ConfigError, "a spot account cannot go short")


def test_a_run_that_reads_more_than_candles(
    tiny: Any, exchange: LocalExchange, tmp_path: Path
) -> None:
    run = changed_copy(
        tiny.folder,
        tmp_path,
        data={
            "source": "files",
            "files": {"ETH/USD": ["e.csv"], "BTC/USD": ["b.csv"]},
            "extras": True,
        },
    )
    check_refused(run, exchange, ConfigError, "candles from an exchange have none of them")


def test_a_run_without_a_model(run: Path, exchange: LocalExchange) -> None:
    (run / "model" / "weights.npz").write_bytes(b"")
    check_refused(run, exchange, ModelError, "cannot be read")


def test_no_exchange_there(run: Path, exchange: LocalExchange) -> None:
    with (
        exchange.offline(),
        pytest.raises(CryptonnError),
        open_session(run, "local", PaperSettings(), environ={}, port=exchange.port),
    ):
        pass
    assert not (run / "paper").exists()


def test_a_session_goes_on_only_as_it_was_begun(
    run: Path, exchange: LocalExchange, tmp_path: Path
) -> None:
    with opened(run, exchange) as session:
        began_ms = session.start_ms
        assert settings_of(session.ledger) == PaperSettings()
    with (
        pytest.raises(
            ConfigError,
            match=r"cash was not given, now it is 50; fees was taker\+slippage.*--session NAME",
        ),
        opened(run, exchange, fees="maker", cash=Decimal(50)),
    ):
        pass
    exchange.exchange.clock.advance(began_ms + 5 * 60_000)
    with opened(run, exchange) as session:
        assert session.start_ms == began_ms
    (run / "model" / "model.json").write_text((run / "model" / "model.json").read_text() + " ")
    with pytest.raises(DataError, match="model sha"), opened(run, exchange):
        pass


def test_the_database_of_another_run(
    run: Path, tiny: Any, exchange: LocalExchange, tmp_path: Path
) -> None:
    with opened(run, exchange):
        pass
    other = changed_copy(tiny.folder, tmp_path).rename(tmp_path / "other")
    session_file(run, "local").parent.rename(other / "moved")
    (other / "paper").mkdir()
    (other / "moved").rename(other / "paper" / "local")
    with pytest.raises(DataError, match=f"has run {run.name[:12]}"), opened(other, exchange):
        pass


@pytest.mark.parametrize(
    "content", [b"", b"no database at all, but some words of a length to speak of" * 20]
)
def test_a_database_that_is_none(run: Path, exchange: LocalExchange, content: bytes) -> None:
    path = session_file(run, "local")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    if not content:  # as after a stop at the very first moment
        with opened(run, exchange) as session:
            assert session.ledger.decisions() == []
        return
    with pytest.raises(DataError, match=r"is none|no paper session"), opened(run, exchange):
        pass
    assert path.read_bytes() == content


def test_one_process_an_account_and_one_a_session(
    run: Path, exchange: LocalExchange, tiny: Any
) -> None:
    with opened(run, exchange):
        words = f"trading with this account of local on port {exchange.port}"
        with pytest.raises(ConfigError, match=words), opened(run, exchange, "another"):
            pass
        with served(tiny.frame, tiny.config) as second:
            with pytest.raises(ConfigError, match="trading with this session"), opened(run, second):
                pass
            with opened(run, second, "another") as other:
                assert other.ledger.path == session_file(run, "another")
    with opened(run, exchange):
        pass


def test_the_session_begins_by_the_exchanges_clock(run: Path, exchange: LocalExchange) -> None:
    clock = ReplayedClock(exchange, off_ms=-3_600_000)
    with open_session(
        run, "local", PaperSettings(), environ={}, port=exchange.port, clock=clock
    ) as session:
        assert session.start_ms == exchange.exchange.clock.now_ms()


def test_a_wait_looks_up_after_a_moment_of_the_wall(
    run: Path, exchange: LocalExchange, tiny: Any
) -> None:
    with open_session(run, "local", PaperSettings(), environ={}, port=exchange.port) as session:
        assert isinstance(session.clock, LocalClock) and session.slice_s == 60
    with (
        served(tiny.frame, tiny.config, mode="running", speed=120.0) as running,
        open_session(run, "running", PaperSettings(), environ={}, port=running.port) as session,
    ):
        assert session.slice_s == pytest.approx(24)
        object.__setattr__(session, "clock", WallClock())
        assert session.slice_s == pytest.approx(0.2)


@pytest.mark.parametrize("fee_in", [None, "base"])
def test_the_currency_of_a_buys_commission_reaches_the_rules(
    run: Path, exchange: LocalExchange, fee_in: Any
) -> None:
    with opened(run, exchange, fee_in=fee_in) as session:
        assert session.decider.rules.fee_in == (fee_in or "quote")


def test_a_session_is_decided_under_the_rules_it_was_begun_with(
    run: Path, exchange: LocalExchange, tiny: Any
) -> None:
    """A coarser tick made the replay want other amounts at past bars: the strategy was blamed for looking ahead."""
    with opened(run, exchange, "begun") as session:
        before = session.decider.rules
    with (
        served(tiny.frame, tiny.config, filters=Filters(price_tick=Decimal("0.1"))) as coarser,
        opened(run, coarser, "begun") as session,
    ):
        assert session.venue.rules("ETH/USD").price_tick == Decimal("0.1") != before.price_tick
        assert session.decider.rules == before
        assert [one.kind for one in session.ledger.incidents()] == ["rules"]


def test_an_exchange_that_was_served_again_is_no_place_to_go_on(
    run: Path, exchange: LocalExchange, tiny: Any
) -> None:
    """It replays from its start: the session would wait for a time that passed long ago, without a word."""
    Played(run, exchange, "first").play(bars=4)
    before = session_file(run, "first").read_bytes()
    with (
        served(tiny.frame, tiny.config) as again,
        pytest.raises(DataError, match=r"decided up to .*served again.*--session NAME"),
        opened(run, again, "first"),
    ):
        pass
    assert session_file(run, "first").read_bytes() == before
    with opened(run, exchange, "first"):
        pass


def test_the_local_exchange_is_one_account_in_both_dialects(
    run: Path, exchange: LocalExchange
) -> None:
    with (
        opened(run, exchange, "one"),
        pytest.raises(ConfigError, match="is trading with this account"),
        opened(run, exchange, "two", exchange="local-gemini"),
    ):
        pass


def test_sessions_are_found_by_name(run: Path, exchange: LocalExchange) -> None:
    with pytest.raises(ConfigError, match="no paper session.*`cryptonn paper RUN` starts one"):
        find_session(run, None)
    for name in ("one", "two"):
        with opened(run, exchange, name):
            pass
    assert find_session(run, "two") == session_file(run, "two")
    with pytest.raises(ConfigError, match="Did you mean 'one'.*There are: one, two"):
        find_session(run, "onne")
    with pytest.raises(ConfigError, match="2 paper sessions. Name one with --session"):
        find_session(run, None)


@pytest.mark.parametrize("pair", ["ETH/USD", "ETH/USD=", "ETH/USD=ETH", "ETX/USD=ETH/USDT"])
def test_pairs_of_symbols_that_are_none(pair: str) -> None:
    with pytest.raises(ConfigError, match="--symbols"):
        symbols_of([pair], known=["ETH/USD", "BTC/USD"])


def test_settings_survive_the_database() -> None:
    settings = PaperSettings(
        "gemini", "maker", Decimal("12.50"), {"ETH/USD": "ETH/USDT"}, "binance", 7, "base"
    )
    assert PaperSettings.from_plain(settings.plain()) == settings
    assert PaperSettings.from_plain(PaperSettings().plain()) == PaperSettings()


def test_gemini_is_traded_too(tiny: Any, exchange: LocalExchange, tmp_path: Path) -> None:
    played = Played(changed_copy(tiny.folder, tmp_path), exchange, "gemini")
    assert played.play(8, exchange="local-gemini") == 8
    assert len(played.fills()) >= 2
    assert all(
        entry["path"].startswith("/v1/")
        for entry in exchange.front.log.entries
        if entry["method"] == "POST"
    )


def test_keys_that_the_exchange_does_not_know(run: Path, exchange: LocalExchange) -> None:
    exchange.exchange.quirks.change({"revoked_key": True}, now_ms=0)
    played = Played(run, exchange, "local")
    with pytest.raises(Unreadable, match="Look at the keys"):
        played.play(1)
    assert played.posts() == []

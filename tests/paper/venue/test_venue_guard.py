"""No request leaves for anything but a sandbox: every way out that could be thought of is tried, for every exchange."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import ccxt
import pytest
import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import TooManyRedirects

from cryptonn.errors import ConfigError
from cryptonn.paper.clock import WallClock
from cryptonn.paper.ports import Rejected, Unknown, Unreadable
from cryptonn.paper.venue.exchanges import EXCHANGES, dialect_of
from cryptonn.paper.venue.guard import PROXY_SETTINGS, Guard, GuardError, guarded_session
from cryptonn.paper.venue.keys import Credentials
from cryptonn.paper.venue.venue import open_venue
from tests.local_exchange.small_exchange import control
from tests.paper.venue.accounts import (
    ETH,
    KEY,
    LOCAL,
    ORDER_PATH,
    SECRET,
    FixedClock,
    Scripted,
    faults,
    local_account,
    order,
    posts,
    scripted,
    scripted_account,
)

REAL = ("binance", "gemini", "alpaca")
PRODUCTION = {
    "binance": (
        "api.binance.com",
        "api1.binance.com",
        "api-gcp.binance.com",
        "data-api.binance.vision",
        "demo-api.binance.com",
    ),
    "gemini": ("api.gemini.com", "exchange.gemini.com", "docs.gemini.com"),
    "alpaca": (
        "api.alpaca.markets",
        "broker-api.alpaca.markets",
        "broker-api.sandbox.alpaca.markets",
    ),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail at once if a name is looked up or a foreign address is dialled: a refusal comes before both."""
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def local_only(self: socket.socket, address: Any) -> None:
        assert address[0] == "127.0.0.1", f"dialled {address}"
        connect(self, address)

    def numbers_only(host: Any, *rest: Any, **more: Any) -> Any:
        assert host == "127.0.0.1", f"looked up {host}"
        return lookup(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setattr(socket, "getaddrinfo", numbers_only)


def urls_of(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for branch in tree.values():
            yield from urls_of(branch)


@contextmanager
def session_of(exchange: str, **more: Any) -> Iterator[requests.Session]:
    with closing(guarded_session(Guard(dialect_of(exchange).sandbox, **more))) as session:
        yield session


# Every host of every exchange


@pytest.mark.parametrize("supported", REAL)
def test_no_host_of_any_exchange_can_be_reached_but_the_sandbox(supported: str) -> None:
    sandbox, tried = dialect_of(supported).sandbox, 0
    with session_of(supported) as session:
        for name in ccxt.exchanges:
            api = getattr(ccxt, name)()
            for url in {
                api.implode_hostname(url)
                for url in urls_of({**api.urls, "www": "", "doc": "", "fees": "", "logo": ""})
            }:
                host = url.removeprefix("https://").split("/")[0]
                if host in sandbox.hosts | sandbox.readers or not url.startswith("http"):
                    continue
                for method in ("GET", "POST", "DELETE", "PUT"):
                    tried += 1
                    with pytest.raises(GuardError, match="refused"):
                        session.request(method, f"{url.rstrip('/')}/order")
    assert tried > 1500


@pytest.mark.parametrize("supported", REAL)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_every_production_host_is_refused_by_every_method(supported: str, method: str) -> None:
    with session_of(supported) as session:
        for host in PRODUCTION[supported]:
            for scheme in ("https", "http"):
                with pytest.raises(GuardError, match=host):
                    session.request(
                        method, f"{scheme}://{host}{dialect_of(supported).sandbox.order_path}"
                    )


@pytest.mark.parametrize(
    "url",
    [
        "http://testnet.binance.vision/api/v3/time",
        "https://testnet.binance.vision:8443/api/v3/time",
        "https://testnet.binance.vision.evil.example/api/v3/time",
        "https://testnet.binance.vision@api.binance.com/api/v3/time",
        "https://user:pass@testnet.binance.vision/api/v3/time",
        "https://api.binance.com\\@testnet.binance.vision/api/v3/time",
        "https://api.binance.com#@testnet.binance.vision/",
        "https://api.binance.com?@testnet.binance.vision/",
        "https://TESTNET.binance.vision.:443/api/v3/time",
        "https://stream.testnet.binance.vision/ws",
        "https://127.0.0.1/api/v3/time",
        "https://testnet.binance.vision%2f@api.binance.com/",
    ],
)
def test_a_url_that_only_looks_like_the_sandbox_is_refused(url: str) -> None:
    with (
        session_of("binance") as session,
        pytest.raises((GuardError, requests.exceptions.InvalidURL)),
    ):
        session.get(url)


@pytest.mark.parametrize("scheme", ["ftp", "file", "ws", "wss", "socks5"])
def test_no_other_scheme_has_a_way_out(scheme: str) -> None:
    with session_of("binance") as session, pytest.raises(requests.exceptions.InvalidSchema):
        session.get(f"{scheme}://api.binance.com/api/v3/time")


@pytest.mark.parametrize("name", REAL)
def test_a_fresh_production_instance_behind_the_guard_reaches_nothing(name: str) -> None:
    with session_of(name) as session:
        api = getattr(ccxt, name)(
            {"session": session, "apiKey": KEY, "secret": SECRET, "enableRateLimit": False}
        )
        calls = [api.fetch_time] * (name == "binance") + [api.load_markets, api.fetch_balance]
        calls.append(lambda: api.create_order(ETH, "limit", "buy", 1, 1))
        for call in calls:
            with pytest.raises(GuardError, match="refused a request to https://"):
                call()


def test_verbose_mode_and_switched_off_sandbox_mode_reach_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with scripted() as script, scripted_account("binance", script) as venue:
        api = venue._api
        api.set_sandbox_mode(False)
        api.verbose = True
        with pytest.raises(GuardError, match=r"refused a request to https://api\.binance\.com"):
            api.fetch_time()
        with pytest.raises(GuardError, match="sandbox mode is off"):
            venue.check()
        with pytest.raises(Rejected) as caught:
            venue.send(order())
        assert caught.value.halts
        with pytest.raises(Unreadable) as unread:
            venue.balances()
        assert unread.value.halts
        assert script.seen == []
    assert capsys.readouterr().out == ""


# Methods and paths on the sandbox itself


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("binance", "POST", "/api/v3/order"),
        ("binance", "POST", "/api/v3/order/test"),
        ("binance", "POST", "/api/v3/order/cancelReplace"),
        ("binance", "POST", "//api/v3/order"),
        ("binance", "POST", "/sapi/v1/capital/withdraw/apply"),
        ("binance", "DELETE", "/api/v3/openOrders"),
        ("binance", "PUT", "/api/v3/order"),
        ("gemini", "POST", "/v1/order/new"),
        ("gemini", "POST", "/v1/withdraw/eth"),
        ("gemini", "POST", "/v1/order/cancel/all"),
        ("gemini", "POST", "/v1/clearing/new"),
        ("alpaca", "POST", "/v2/orders"),
        ("alpaca", "DELETE", "/v2/orders"),
        ("alpaca", "DELETE", "/v2/positions"),
        ("alpaca", "PATCH", "/v2/orders/ca2aafd0-1270-4b56-b0a9-85423b4a07c8"),
        ("alpaca", "POST", "/v2/wallets/transfers"),
    ],
)
def test_nothing_but_what_paper_trading_does_is_sent_even_to_a_sandbox(
    name: str, method: str, path: str
) -> None:
    host = next(iter(dialect_of(name).sandbox.hosts))
    with scripted() as script, session_of(name, port=script.port) as session:
        with pytest.raises(GuardError, match=f"refused {method}"):
            session.request(method, f"https://{host}{path}")
        assert script.seen == []


def test_an_order_leaves_once_and_only_while_it_may() -> None:
    with (
        scripted(**{"POST /api/v3/order": (200, {}, {})}) as script,
        session_of("binance", port=script.port) as session,
    ):
        guard: Any = session.get_adapter("https://")
        url = "https://testnet.binance.vision/api/v3/order"
        with guard.one_order():
            assert not guard.order_left
            session.post(url)
            assert guard.order_left
            with pytest.raises(GuardError):
                session.post(url)
        with pytest.raises(GuardError):
            session.post(url)
        assert script.lines() == ["POST /api/v3/order"]


def test_public_hosts_never_see_a_key() -> None:
    with (
        scripted(**{"GET /v1beta3/crypto/us/latest/trades": (200, {}, {})}) as script,
        session_of("alpaca", port=script.port) as session,
    ):
        url = "https://data.alpaca.markets/v1beta3/crypto/us/latest/trades"
        for headers in (
            {"APCA-API-KEY-ID": KEY},
            {"APCA-API-SECRET-KEY": SECRET},
            {"Authorization": "Basic x"},
        ):
            with pytest.raises(GuardError, match="without a key"):
                session.get(url, headers=headers)
        with pytest.raises(GuardError):
            session.post(url)
        assert session.get(url).status_code == 200
        assert len(script.seen) == 1


# Redirects, proxies, other adapters


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300])
@pytest.mark.parametrize(
    "there",
    [
        "https://api.binance.com/api/v3/order",
        "https://testnet.binance.vision/api/v3/time",
        "/api/v3/time",
    ],
)
def test_a_redirect_is_not_followed(status: int, there: str) -> None:
    script_answers: Any = {"GET /api/v3/account": (status, {"Location": there}, "")}
    with scripted(**script_answers) as script, session_of("binance", port=script.port) as session:
        for follow in (True, False):
            with pytest.raises(TooManyRedirects):
                session.get("https://testnet.binance.vision/api/v3/account", allow_redirects=follow)
        assert script.lines() == ["GET /api/v3/account"] * 2


@pytest.mark.parametrize("name", LOCAL)
def test_a_redirected_order_is_unknown_and_not_sent_again(name: str) -> None:
    with local_account(name) as (venue, port):
        faults(
            port,
            ORDER_PATH[name],
            "redirect",
            when="after",
            location="https://api.binance.com/api/v3/order",
        )
        with pytest.raises(Unknown):
            venue.send(order())
        assert posts(port, order().cid) == 1
        assert venue.find(order().cid, ETH) is not None


@pytest.mark.parametrize(
    "variable", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
)
def test_proxies_of_the_environment_are_ignored(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted() as proxy, local_account("local") as (venue, port):
        with monkeypatch.context() as patch:
            patch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
            patch.setenv("NO_PROXY", "")
            patch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent.pem")
            assert venue.send(order()).status == "closed"
            venue._api.session.trust_env = True
            assert venue.balances()
        assert posts(port, order().cid) == 1
        assert proxy.seen == []


@pytest.mark.parametrize(
    "setting",
    [
        "httpsProxy",
        "httpProxy",
        "socksProxy",
        "proxyUrl",
        "proxies",
        "https_proxy",
        "proxyUrlCallback",
    ],
)
def test_a_proxy_set_in_ccxt_stops_orders(setting: str) -> None:
    with local_account("local") as (venue, port):
        setattr(
            venue._api,
            setting,
            {"https": "http://127.0.0.1:9"} if setting == "proxies" else "http://127.0.0.1:9/",
        )
        with pytest.raises(Rejected, match="a proxy is set"):
            venue.send(order())
        assert posts(port, order().cid) == 0


def test_every_proxy_setting_of_ccxt_is_known() -> None:
    api = ccxt.binance()
    found = {
        name for name in dir(api) if "proxy" in name.lower() and not callable(getattr(api, name))
    }
    assert found <= set(PROXY_SETTINGS)


TAMPERING: dict[str, Any] = {
    "another adapter": lambda api: api.session.mount(
        "https://testnet.binance.vision/", HTTPAdapter()
    ),
    "replaced adapter": lambda api: api.session.mount("https://", HTTPAdapter()),
    "another session": lambda api: setattr(api, "session", closing_session(api.session)),
    "retries": lambda api: api.options.update(maxRetriesOnFailure=2),
    "retries of one call": lambda api: api.options.setdefault("order", {}).update(
        defaultMaxRetriesOnFailure=1
    ),
    "environment": lambda api: setattr(api.session, "trust_env", True),
    "redirects": lambda api: setattr(api.session, "max_redirects", 30),
    "session proxies": lambda api: api.session.proxies.update(https="http://127.0.0.1:9"),
    "private url": lambda api: api.urls["api"].update(private="https://api.binance.com/api/v3"),
    "public url": lambda api: api.urls["api"].update(public="https://api.binance.com/api/v3"),
    "no url": lambda api: api.urls["api"].pop("private"),
    "verbose": lambda api: setattr(api, "verbose", True),
    "demo": lambda api: api.options.update(enableDemoTrading=True),
    "sandbox flag": lambda api: setattr(api, "isSandboxModeEnabled", False),
    "truthy sandbox flag": lambda api: setattr(api, "isSandboxModeEnabled", "yes"),
    "recvWindow": lambda api: api.options.update(recvWindow=60_000),
    "id": lambda api: setattr(api, "id", "binanceus"),
}


def closing_session(old: requests.Session) -> requests.Session:
    old.close()
    return requests.Session()


@pytest.mark.parametrize("change", TAMPERING)
def test_whatever_is_changed_afterwards_stops_orders(change: str) -> None:
    with local_account("local") as (venue, port):
        venue.check()
        own = venue._api.session
        TAMPERING[change](venue._api)
        with pytest.raises(GuardError, match="No order|no order"):
            venue.check()
        with pytest.raises(Rejected) as caught:
            venue.send(order())
        assert caught.value.halts
        assert posts(port, order().cid) == 0
        venue._api.session.close()
        own.close()


@pytest.mark.parametrize("kind", ["retries", "retries of one call"])
def test_even_if_ccxt_sent_an_order_again_it_would_not_leave(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_account("local") as (venue, port):
        TAMPERING[kind](venue._api)
        monkeypatch.setattr(venue, "check", lambda: None)
        faults(port, ORDER_PATH["local"], "503", when="after", n=3)
        with pytest.raises(Unknown):
            venue.send(order())
        assert posts(port, order().cid) == 1


# What can be opened at all


@pytest.mark.parametrize(
    "name",
    [
        "kraken",
        "coinbase",
        "kucoin",
        "bitstamp",
        "bitfinex",
        "htx",
        "mexc",
        "coinbaseinternational",
    ],
)
def test_an_exchange_without_a_sandbox_is_refused_by_name(name: str) -> None:
    with pytest.raises(
        ConfigError,
        match=f"^{name} has no sandbox for spot orders.*Choose binance, gemini or alpaca",
    ):
        open_venue(name, credentials=Credentials(KEY, SECRET), clock=WallClock())


@pytest.mark.parametrize("name", ["okx", "bitget"])
def test_an_exchange_whose_sandbox_is_on_the_real_host_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="on one host"):
        open_venue(name, credentials=Credentials(KEY, SECRET), clock=WallClock())


def test_every_other_exchange_of_ccxt_is_refused() -> None:
    others = set(ccxt.exchanges) - set(EXCHANGES)
    assert len(others) > 90
    for name in [*others, "binnance", "", "Binance", "binance "]:
        with pytest.raises(ConfigError, match="Choose binance, gemini or alpaca"):
            open_venue(name, credentials=Credentials(KEY, SECRET), clock=WallClock())


@pytest.mark.parametrize("name", REAL)
def test_a_real_sandbox_needs_keys_and_has_no_port(name: str) -> None:
    with pytest.raises(ConfigError, match="CRYPTONN_KEY"):
        open_venue(name, clock=WallClock())
    with pytest.raises(ConfigError, match="local exchange"):
        open_venue(name, credentials=Credentials(KEY, SECRET), clock=WallClock(), port=8080)


def test_the_local_exchange_needs_a_port_and_gemini_an_account_key() -> None:
    with pytest.raises(ConfigError, match="port"):
        open_venue("local", clock=WallClock())
    with pytest.raises(ConfigError, match="account-"):
        open_venue("gemini", credentials=Credentials("master-key-123", SECRET), clock=WallClock())


@pytest.mark.parametrize("name", REAL)
def test_a_sandbox_opens_without_a_request_and_its_urls_are_the_ones_written_here(
    name: str,
) -> None:
    with open_venue(name, credentials=Credentials(KEY, SECRET), clock=FixedClock()) as venue:
        venue.check()
        api: Any = venue._api
        assert type(api) is getattr(ccxt, name)
        hosts = dialect_of(name).sandbox.hosts | dialect_of(name).sandbox.readers
        for interface in dialect_of(name).sandbox.urls:
            url = api.implode_hostname(api.urls["api"][interface])
            assert url.removeprefix("https://").split("/")[0] in hosts
        for mount in api.session.adapters.values():
            assert mount.port is None


def test_pacing_waits_by_the_clock_given_and_not_longer_when_it_was_set_back() -> None:
    clock = FixedClock()
    with open_venue("binance", credentials=Credentials(KEY, SECRET), clock=clock) as venue:
        api: Any = venue._api
        api.set_last_rest_request_timestamp()
        api.throttle(2)
        assert clock.slept == [0.1]
        clock.ms -= 3_600_000
        api.throttle(1)
        assert clock.slept == [0.1, 0.05]
        clock.ms += 7_200_000
        api.throttle(1)
        assert clock.slept == [0.1, 0.05, 0.0]


def test_the_local_exchange_gets_everything_and_the_network_nothing() -> None:
    for name in LOCAL:
        with local_account(name) as (venue, port):
            assert venue.send(order()).status == "closed"
            assert control(port, "log")["posts"] == {order().cid: 1}


def test_ccxt_is_not_imported_before_an_account_is_opened() -> None:
    code = (
        "import sys, cryptonn.paper.venue.venue, cryptonn.cli\n"
        "from cryptonn.errors import ConfigError\n"
        "from cryptonn.paper.clock import WallClock\n"
        "try: cryptonn.paper.venue.venue.open_venue('kraken', clock=WallClock())\n"
        "except ConfigError: pass\n"
        "assert 'ccxt' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3], timeout=300
    )


def test_there_is_no_word_for_real_money() -> None:
    folder = Path(__file__).parents[3] / "cryptonn" / "paper"
    calls = [
        path.name for path in folder.rglob("*.py") if "set_sandbox_mode(False" in path.read_text()
    ]
    assert calls == []
    hosts = {host for dialect in EXCHANGES.values() for host in dialect.sandbox.hosts}
    assert hosts == {"testnet.binance.vision", "api.sandbox.gemini.com", "paper-api.alpaca.markets"}
    assert {host for dialect in EXCHANGES.values() for host in dialect.sandbox.readers} == {
        "data.alpaca.markets"
    }
    assert Scripted().port == 0

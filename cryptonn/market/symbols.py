"""Symbols are written base/quote, ETH/USD: what files and exchanges call ETHUSD,
eth-usd or ETH_USD is read as that.
"""

import re

from cryptonn.errors import ConfigError

__all__ = ["is_coin", "parse_symbol"]

_WHOLE = re.compile(r"^([A-Z0-9]{1,20})[/_-]([A-Z0-9]{1,20}(?::[A-Z0-9]{1,20})?)$")
_QUOTES = (
    "USDT",
    "USDC",
    "BUSD",
    "TUSD",
    "FDUSD",
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "CHF",
    "CAD",
    "BTC",
    "ETH",
    "BNB",
)
_JOINED = re.compile(rf"^([A-Z0-9]{{2,20}}?)({'|'.join(_QUOTES)})$")
_DOLLARS = re.compile(r"^([A-Z0-9]{1,19}[BT])(USD)$")
"""DOTUSD and SHIBUSD: the letter before USD is the coin's, unless a coin that trades in BUSD
or TUSD stands before it.
"""
_KRAKEN = re.compile(r"^X([A-Z]{3})[XZ](USD|EUR|GBP|JPY|CHF|CAD|AUD|XBT|ETH)$")
"""XXBTZUSD: Kraken writes X before a coin, and Z before a money, of three letters."""
_IN_BUSD = frozenset(
    (
        "BTC",
        "ETH",
        "BNB",
        "XRP",
        "LTC",
        "ADA",
        "SOL",
        "DOGE",
        "DOT",
        "LINK",
        "TRX",
        "AVAX",
        "MATIC",
        "BCH",
    )
)

_OTHER_COINS = frozenset(("XBT", "XLM", "XMR", "ETC", "EOS", "ATOM", "UNI", "SHIB", "NEAR", "ZEC"))


def is_coin(text: str) -> bool:
    """Tell whether a word is the ticker of one of the best known coins, however it is written.

    >>> is_coin("eth"), is_coin("USD")
    (True, False)
    """
    return text.upper() in _IN_BUSD or text.upper() in _OTHER_COINS


def parse_symbol(text: str) -> str:
    """Return the symbol as base/quote.

    Raises
    ------
    ConfigError
        If base and quote cannot be told apart.

    >>> parse_symbol("ETHUSD"), parse_symbol("btc-usdt"), parse_symbol("XXBTZUSD")
    ('ETH/USD', 'BTC/USDT', 'XBT/USD')
    """
    plain = text.strip().upper()
    found = _WHOLE.match(plain) or _KRAKEN.match(plain) or _JOINED.match(plain)
    if found and found[2] in ("BUSD", "TUSD") and found[1] not in _IN_BUSD:
        found = _DOLLARS.match(plain) or found
    if not found:
        raise ConfigError(f"symbol {text!r} is not base/quote. Write it like ETH/USD.")
    return f"{found[1]}/{found[2]}"

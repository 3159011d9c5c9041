"""What a failed request to an exchange means: whose error it is, whether to try again,
and what to do.

The classes of ccxt are told by name, so that ccxt need not be imported.
"""

from cryptonn.errors import ConfigError, CryptonnError, ExchangeError

__all__ = ["MEANINGS", "RefusedRequest", "meaning_of"]

_WAIT = (
    "The network or the exchange has trouble: wait a little; a command that has ended "
    "goes on from here."
)
_OTHER = "Choose another exchange, or look at its status page."


class RefusedRequest(ConfigError):
    """The exchange calls a request a bad one; some do so where it is for candles older
    than those they keep.
    """


_GROUPS: tuple[tuple[type[CryptonnError], bool, str, str], ...] = (
    # ours, worth another try, what to do, classes of ccxt
    (
        ExchangeError,
        True,
        _WAIT,
        "OperationFailed NetworkError DDoSProtection RateLimitExceeded ExchangeNotAvailable "
        "OnMaintenance RequestTimeout BadResponse NullResponse InvalidNonce ChecksumError",
    ),
    (ExchangeError, True, _OTHER, "ExchangeError"),  # also what some exchanges' HTTP 5xx become
    (
        ExchangeError,
        False,
        "It gives its candles only to account holders: choose another exchange.",
        "AuthenticationError PermissionDenied AccountNotEnabled AccountSuspended",
    ),
    (
        ExchangeError,
        False,
        "It does not serve this country: choose another exchange.",
        "RestrictedLocation",
    ),
    (
        ExchangeError,
        False,
        _OTHER,
        "BaseError OperationRejected ManualInteractionNeeded MarketClosed ContractUnavailable "
        "ExchangeClosedByUser "
        # of orders and accounts: no request for candles should raise these
        "NoChange MarginModeAlreadySet InsufficientFunds InvalidAddress AddressPending "
        "InvalidOrder OrderNotFound OrderNotCached OrderImmediatelyFillable OrderNotFillable "
        "DuplicateOrderId CancelPending UnsubscribeError",
    ),
    (
        ConfigError,
        False,
        "Check the exchange, the symbol and the timeframe.",
        "ArgumentsRequired BadSymbol NotSupported",
    ),
    (
        RefusedRequest,
        False,
        "Check the symbol, the timeframe and the range: it may keep no candles as old as these.",
        "BadRequest",
    ),
    (ConfigError, False, "Mend the proxy settings of the environment.", "InvalidProxySettings"),
)
MEANINGS = {
    name: (kind, again, advice) for kind, again, advice, names in _GROUPS for name in names.split()
}
"""By name of a class of ccxt: our error, whether another try may help, what the user can do."""


def meaning_of(error: Exception) -> tuple[type[CryptonnError], bool, str]:
    """Return our error, whether another try may help, and what the user can do.

    An error that is none of ccxt's is a reply ccxt stumbled over: it may be whole the next time.
    """
    names = (kind.__name__ for kind in type(error).__mro__)
    return next(
        (MEANINGS[name] for name in names if name in MEANINGS), (ExchangeError, True, _WAIT)
    )

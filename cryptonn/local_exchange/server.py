"""The HTTP server on 127.0.0.1, and how a dialect plugs in.

A dialect is how one real exchange speaks: ``Dialect`` in dialect.py. It is made with the ``Exchange`` and gives

    name                    "binance", for the log
    routes                  {("GET", "/v2/candles/{symbol}/{timeframe}"): handler}: a segment in braces matches anything
    handler(request)        -> Reply(status, headers, body): body is something JSON can hold, or a str sent as it is
    client_id(request)      the client id in a request for a new order, else None, for the log
    fault(do)               its words for an injected "429", "500", "-1003", "RateLimit" …, or None where it has none
    id_keys, client_id_keys names of those fields in its replies, for the faults that falsify them

Handlers run one at a time under the exchange's lock, after resting orders were settled. In them the time is
``exchange.now_ms`` (of the replay) and, for what the server says of its own clock and for checks of timestamps,
``exchange.server_ms`` (with the quirk ``skew_ms``). They use ``exchange.markets`` (by "ETH/USD"), ``exchange.candles``,
``exchange.account`` (free, locked), ``exchange.matching`` (place, cancel, by_id, by_client_id, open_orders,
orders_of, trades_of), ``exchange.secret_of(key)`` and ``exchange.quirks``. A ``Refused`` from the core is the dialect's
to phrase. To add a dialect: write it, and put its class into ``DIALECTS`` below.
"""

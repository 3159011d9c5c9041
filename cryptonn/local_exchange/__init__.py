"""An exchange on 127.0.0.1 that replays stored candles: for paper trading without keys and without
the internet.
"""

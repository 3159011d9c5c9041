"""Benchmarks: `make bench` runs them all on the real candles and prints what they took beside the target."""

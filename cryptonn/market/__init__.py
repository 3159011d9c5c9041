"""Candles: where they come from, how they are checked, kept and aligned."""

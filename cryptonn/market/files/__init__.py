"""Candle files of many makes: recognised, read, checked, every repair counted."""

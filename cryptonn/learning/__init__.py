"""From candles to probabilities: features, labels, windows, network, training."""

"""From candles to probabilities: features, labels, windows, network, training."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported: it reports missing GPUs on stderr

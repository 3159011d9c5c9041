"""From probabilities to money: signals, costs, backtests."""

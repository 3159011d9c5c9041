"""How good the probabilities are, and how sure that is."""

"""Paper trading: the strategy of a run on an exchange's sandbox, minute by minute,
and never with real money.
"""

"""The report of a paper session: what it earned on its exchange,
beside the backtest that it mirrors.
"""

"""What each number of a backtest means, and which of them stand in the comparison table."""

__all__ = ["CHOSEN", "COMPARISON", "METRICS"]

METRICS = {
    "strategy": "what traded",
    "fees": "cost scenario",
    "costs": "that scenario in words; borrow only where a short was held",
    "cost_per_side": "commission, spread and slippage of one fill (fraction of notional)",
    "days": "UTC days with a bar",
    "bars": "bars of the period",
    "trades": "round trips, one still open at the end included",
    "rejections": "orders refused: not enough cash, or too small for the market",
    "gross_return": (
        "what the same positions, as shares of equity, return with each cost given back as it is "
        "paid (fills at the open prices), compounded over the period (fraction)"
    ),
    "net_return": "final equity over starting cash, minus one (fraction)",
    "net_return_low": "95 % interval (stationary bootstrap of days), lower end",
    "net_return_high": "95 % interval (stationary bootstrap of days), upper end",
    "buy_and_hold_return": (
        "all in, no costs: last close over first open of the same bars, minus one (fraction); a "
        "strategy that buys and holds enters at the second open, with its share of equity, and "
        "pays"
    ),
    "final_equity": "money at the last close (quote)",
    "gross_per_trade_bp": (
        "mean over trades of the profit at the open prices over the notional at entry (bp)"
    ),
    "gross_per_trade_low_bp": "95 % interval (stationary bootstrap of days), lower end",
    "gross_per_trade_high_bp": "95 % interval (stationary bootstrap of days), upper end",
    "cost_per_trade_bp": "mean over trades of all costs over the notional at entry (bp)",
    "net_per_trade_bp": "gross less cost per trade (bp)",
    "fees_paid": "commissions (quote)",
    "slippage_paid": (
        "spread and slippage: distance of the fills from the open, times amount (quote)"
    ),
    "borrow_paid": "borrow charged on shorts (quote)",
    "break_even_fee": (
        "cost per side, commission and spread and slippage together, at which the arithmetic net "
        "return is zero: sum of position times return over sum of traded amounts, as shares of "
        "equity (fraction of notional); undefined with fewer than 10 trades"
    ),
    "break_even_fee_low": "95 % interval (days resampled jointly for both sums), lower end",
    "break_even_fee_high": "95 % interval (days resampled jointly for both sums), upper end",
    "accuracy_of_trades": "share of trades with a profit at the open prices; a tie is a miss",
    "weighted_accuracy_of_trades": (
        "share of the trades' absolute move (entry open to exit open) that was a profit"
    ),
    "required_weighted_accuracy": (
        "that share at which gross equals cost: 1/2 + cost / (2 x mean absolute move); above 1 no "
        "accuracy is enough"
    ),
    "mean_absolute_move_of_trades_bp": (
        "mean absolute move of a trade, entry open to exit open (bp)"
    ),
    "required_move_bp": (
        "mean absolute move that would pay the costs at the achieved weighted accuracy (bp); "
        "infinite where that is not above 1/2"
    ),
    "sharpe": "mean over deviation of daily returns, times the root of 365",
    "sharpe_low": "95 % interval (stationary bootstrap of days), lower end",
    "sharpe_high": "95 % interval (stationary bootstrap of days), upper end",
    "probabilistic_sharpe": (
        "probability that the true Sharpe ratio is above 0 (Bailey & López de Prado 2012)"
    ),
    "minimum_track_record_days": (
        "days needed to say so at 5 %; infinite for a Sharpe ratio not above 0"
    ),
    "sortino": "mean over downside deviation of daily returns, times the root of 365",
    "annual_return": "net return compounded to 365 days (fraction)",
    "annual_volatility": "deviation of daily returns times the root of 365 (fraction)",
    "max_drawdown": "deepest fall below a peak, on daily equity (≤ 0, fraction)",
    "max_drawdown_days": "its length, from the peak to the recovery or the last day",
    "max_drawdown_bars": (
        "deepest fall below a peak, bar by bar: what was really lived through (≤ 0, fraction)"
    ),
    "calmar": "annual return over the depth of the deepest daily drawdown",
    "exposure": "share of bars with a position at the close",
    "turnover_per_day": "traded notional over the equity at the start of the day, mean over days",
    "win_rate": "share of trades with a profit after costs",
    "mean_holding_bars": "bars from entry to exit, mean over trades",
    "best_day": "largest daily return (fraction)",
    "worst_day": "smallest daily return (fraction)",
    "interval_note": "why an interval or the break-even fee is missing, empty where none is",
}
"""What each metric of a backtest means, in the order of the table. Undefined is NaN."""

CHOSEN = {
    "trials": "settings that were tried before this one was chosen on the validation rows",
    "deflated_sharpe": (
        "probability that the true Sharpe ratio is above the highest that luck is expected to "
        "show in so many trials without skill (Bailey & López de Prado 2014; their variance, not "
        "known, taken as 1 / (days - 1))"
    ),
}
"""The same of a backtest whose settings are the best of several."""

COMPARISON = (
    "period",
    "strategy",
    "fees",
    "cost_per_side",
    "trades",
    "gross_return",
    "fees_paid",
    "slippage_paid",
    "net_return",
    "gross_per_trade_bp",
    "net_per_trade_bp",
    "break_even_fee",
    "sharpe",
    "max_drawdown_bars",
    "max_drawdown",
    "exposure",
    "turnover_per_day",
    "accuracy_of_trades",
    "weighted_accuracy_of_trades",
    "required_weighted_accuracy",
    "buy_and_hold_return",
    "net_return_low",
    "net_return_high",
    "break_even_fee_low",
    "break_even_fee_high",
    "rejections",
)
"""Columns of the comparison table."""

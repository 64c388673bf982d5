"""onepath: one strategy, one code path, from backtest to paper to live trading."""

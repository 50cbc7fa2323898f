"""What the detector would have done on a log: the same shards as live, judged by what the clients did afterwards.

`run` reads a log once for all budgets, `silences` turns it into the silences that an alert can be right or wrong
about, `score` and `baselines` judge, `report` shows. docs/backtest.md defines every figure.
"""

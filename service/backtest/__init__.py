"""Replays what happened through the engine, and says how good the rules would have been.

`tables` reads a file's rows, `mapping` says what its columns mean, `events` makes a `Dataset` of
them (`history` makes one of the service's own reports), `replay` runs the engine over it in the
order of receipt, `score` holds the alerts against `outcomes`, `compare` and `sweep` change the
rules. Nothing here judges a report: that is the engine's, the same as in service.
"""

from service.backtest.dataset import BadRow, Dataset, EventsError
from service.backtest.outcomes import Outcome
from service.backtest.replay import Alert, Replay, replay
from service.backtest.score import Score

__all__ = ["Alert", "BadRow", "Dataset", "EventsError", "Outcome", "Replay", "Score", "replay"]

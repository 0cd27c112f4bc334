"""Tests that coordinators write for their rules, in `rules/tests/`: read, run, and compared."""

from service.rule_tests.coverage import Coverage, coverage
from service.rule_tests.load import Story, load
from service.rule_tests.run import Failure, Outcome, run

__all__ = ["Coverage", "Failure", "Outcome", "Story", "coverage", "load", "run"]

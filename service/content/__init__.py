"""What coordinators write, in `rules/` and `templates_sms/`: read, checked, and explained."""

from service.content.areas import AreaPolicy
from service.content.load import Content, load
from service.content.problem import ContentError, Problem
from service.content.yaml import Document, compose_strict

__all__ = [
    "AreaPolicy",
    "Content",
    "ContentError",
    "Document",
    "Problem",
    "compose_strict",
    "load",
]

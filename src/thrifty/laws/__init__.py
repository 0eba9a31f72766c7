"""laws: what every member of a family keeps, as functions of a factory, for you to run too."""

from thrifty.laws.registry import LAWS

__all__ = ["LAWS"]

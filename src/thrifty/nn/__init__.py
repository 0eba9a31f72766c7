"""nn: torch modules that hold fewer parameters, or do less with them."""

__all__ = []

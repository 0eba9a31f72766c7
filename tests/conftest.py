"""Set-up of all tests: the same examples on every run."""

from hypothesis import settings

settings.register_profile("thrifty", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("thrifty")

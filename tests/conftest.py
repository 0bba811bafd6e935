"""Settings of all tests."""

from hypothesis import settings

settings.register_profile("assuage", deadline=None)  # the first example of a test may compile kernels
settings.load_profile("assuage")

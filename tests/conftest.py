"""Settings of all tests."""

from hypothesis import settings

# No deadlines: the first example of a test may compile kernels. The same examples every time: a change is judged by
# what it changes; `pytest --hypothesis-profile explore` looks for new ones.
settings.register_profile("explore", deadline=None)
settings.register_profile("assuage", deadline=None, derandomize=True)
settings.load_profile("assuage")

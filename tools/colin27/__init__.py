"""Build steps of the embedded head, one module per anatomical question (run ``tools/build_colin27.py``)."""

import os

os.environ.setdefault("ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "1")  # repeats bit by bit; must be set before ANTs loads

"""Build steps of the embedded head, one module per anatomical question (run ``tools/build_colin27.py``)."""

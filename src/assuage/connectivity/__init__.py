"""An individual target with an error bar: from a resting fMRI recording to a distribution of where the target lies."""

__all__: list[str] = []

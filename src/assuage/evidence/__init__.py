"""The evidence base: studies, findings, trials and peaks as tables with the level of text each row was read from."""

"""What all tests share: Hypothesis without luck, so that a run can be repeated exactly."""

from hypothesis import settings

# A deadline per example measures the machine, not the code; the same examples come up in
# every run, so a failure is never somebody else's bad luck.
settings.register_profile("callwright", deadline=None, derandomize=True, database=None)
settings.load_profile("callwright")

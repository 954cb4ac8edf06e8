"""One type for each kind of number that names something, so that two cannot be swapped."""

from typing import NewType

AccountId = NewType("AccountId", int)
UserId = NewType("UserId", int)
ProgramId = NewType("ProgramId", int)
"""An application or a survey: one sequence for both."""
DeploymentId = NewType("DeploymentId", int)
"""A deployment of an application or an instance of a survey: one sequence for both."""
MetadatabaseId = NewType("MetadatabaseId", int)
BatchId = NewType("BatchId", int)
CallId = NewType("CallId", int)
NoticeId = NewType("NoticeId", int)
SuppressionId = NewType("SuppressionId", int)
OwnerId = NewType("OwnerId", str)
"""A process that dials: random, new at every start, never a host name or a pid."""

"""The two kinds of transaction that work is given, put together from their subjects."""

from callwright.store.sqlite.accounts import AccountChanges, AccountQuestions
from callwright.store.sqlite.attempts import AttemptChanges
from callwright.store.sqlite.endings import EndingChanges
from callwright.store.sqlite.intake import IntakeChanges
from callwright.store.sqlite.notices import NoticeChanges
from callwright.store.sqlite.report import ReportQuestions


class SqliteReadTx(AccountQuestions, ReportQuestions):
    """Questions on a connection that cannot write."""


class SqliteWriteTx(
    AccountChanges, IntakeChanges, AttemptChanges, EndingChanges, NoticeChanges, ReportQuestions
):
    """Changes and questions on the one connection that writes."""

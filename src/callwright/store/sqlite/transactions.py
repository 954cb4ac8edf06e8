"""The two kinds of transaction that work is given, put together from their subjects."""

from callwright.store.sqlite.accounts import AccountChanges
from callwright.store.sqlite.api_keys import KeyChanges, KeyQuestions
from callwright.store.sqlite.attempts import AttemptChanges
from callwright.store.sqlite.endings import EndingChanges
from callwright.store.sqlite.listings import ListingQuestions
from callwright.store.sqlite.lists import ListChanges, ListQuestions
from callwright.store.sqlite.metadatabases import MetadatabaseChanges, MetadatabaseQuestions
from callwright.store.sqlite.notice_listings import NoticeQuestions, NoticeReplays
from callwright.store.sqlite.notices import DueNotices, NoticeChanges
from callwright.store.sqlite.places import PlaceQuestions
from callwright.store.sqlite.queues import QueueQuestions
from callwright.store.sqlite.repeats import RepeatChanges, RepeatQuestions
from callwright.store.sqlite.retries import RetryChanges
from callwright.store.sqlite.start import StartAnswers, StartMarks
from callwright.store.sqlite.stops import StopQuestions
from callwright.store.sqlite.suppression import SuppressionChanges, SuppressionQuestions
from callwright.store.sqlite.visits import VisitChanges, VisitQuestions


class SqliteReadTx(
    KeyQuestions,
    ListQuestions,
    StopQuestions,
    ListingQuestions,
    NoticeQuestions,
    DueNotices,
    QueueQuestions,
    PlaceQuestions,
    SuppressionQuestions,
    RepeatQuestions,
    VisitQuestions,
    MetadatabaseQuestions,
    StartAnswers,
):
    """Questions on a connection that cannot write."""


class SqliteWriteTx(
    AccountChanges,
    KeyChanges,
    RetryChanges,
    ListChanges,
    AttemptChanges,
    EndingChanges,
    NoticeChanges,
    NoticeReplays,
    SuppressionChanges,
    RepeatChanges,
    VisitChanges,
    MetadatabaseChanges,
    StartMarks,
    StartAnswers,
    ListQuestions,
    ListingQuestions,
    QueueQuestions,
    PlaceQuestions,
):
    """Changes and questions on the one connection that writes."""

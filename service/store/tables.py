"""The tables. What is personal is sealed before it comes here; see the invariants in DESIGN.md.

Ids of reports, incidents and alerts are given out by the workflow, which alone writes them, so
that a whole batch is one insert a table.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from service.store.types import Hash, Id, Sealed, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


inbox = Table(
    "inbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("gateway", String(32), nullable=False),
    Column("kind", String(8), nullable=False),  # sms | ussd | receipt | opt_out
    Column("dedupe", Hash, nullable=False),  # keyed hash: what makes this message itself
    Column("sender_index", Hash),
    Column("sealed_sender", Sealed),
    Column("sealed_text", Sealed),
    Column("text_day", Date),  # the day key that seals the text
    Column("message_index", Hash),  # of a receipt: which sent text it speaks of
    Column("other_index", Hash),  # the same again, by other keys, while these are being changed
    Column("status", String(20)),
    Column("reason", String(40)),
    Column("hop", Integer),  # of a USSD session that may go on: after how many answers
    Column("sent_at", UtcDateTime),
    Column("received_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("state", String(12), nullable=False),  # waiting | done | quarantined
    Column("problem", String(40)),
    UniqueConstraint("dedupe", "kind", "gateway"),
    # Ids stay unique after old rows are deleted: reports remember theirs.
    sqlite_autoincrement=True,
)
Index(
    "ix_inbox_waiting",
    inbox.c.due_at,
    inbox.c.id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)
Index("ix_inbox_sender_index", inbox.c.sender_index)
Index(
    "ix_inbox_other_index",
    inbox.c.other_index,
    sqlite_where=inbox.c.other_index.is_not(None),
    postgresql_where=inbox.c.other_index.is_not(None),
)
Index("ix_inbox_received_at", inbox.c.received_at)

# What came while the service was locked: each message whole, for the intake to open.
locked = Table(
    "locked",
    metadata,
    Column("id", Id, primary_key=True),
    Column("sealed", Sealed, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)

# In which language the USSD menu was last wanted on a phone, whoever has it: whether they are
# enrolled does not matter, and who keeps the first language is not in here.
menu_language = Table(
    "menu_language",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number_index", Hash, nullable=False, unique=True),
    Column("language", String(8), nullable=False),
    Column("chosen_at", UtcDateTime, nullable=False),  # to the day
)

# Who was enrolled where and when, without who it was: what the k of an area is counted from. It
# outlives the person, so that a node's history stays true after STOP.
membership = Table(
    "membership",
    metadata,
    Column("id", Id, primary_key=True),
    Column("role", String(12), nullable=False),
    Column("area", String(16), nullable=False),
    Column("joined_at", UtcDateTime, nullable=False),
    Column("left_at", UtcDateTime),
)

person = Table(
    "person",
    metadata,
    Column("id", Id, primary_key=True),
    Column("role", String(12), nullable=False),  # focal_point | responder
    Column("number_index", Hash, nullable=False, unique=True),
    Column("other_index", Hash, index=True),  # by other keys, while these are being changed
    Column("sealed_number", Sealed, nullable=False),
    Column("area", String(16), nullable=False, index=True),
    Column("language", String(8), nullable=False),
    Column("silent", Boolean, nullable=False, default=False),
    Column("function", String(24)),  # of a responder: see domain.routes
    # Of a responder who paused: until when nothing is sent, and when they last said so.
    Column("paused_until", UtcDateTime),
    Column("pause_said_at", UtcDateTime),
    Column("clearance", JSON(none_as_null=True)),  # of a responder: see domain.clearance
    # Keyed hash of the invite's number: whoever holds the key finds the person by it, to revoke.
    Column("invite_index", Hash, index=True),
    Column("wrong_pins", Integer, nullable=False, default=0),
    # Tries in a row to text this phone that did not arrive: see domain.delivery.working.
    Column("undelivered", Integer, nullable=False, default=0),
    Column("undelivered_at", UtcDateTime),
    Column("membership_id", ForeignKey(membership.c.id), nullable=False),
    # A person's id is a pseudonym that old reports still carry: it is never given to another.
    sqlite_autoincrement=True,
)

invite = Table(
    "invite",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code_index", Hash, nullable=False, unique=True),
    Column("role", String(12), nullable=False),
    Column("area", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    Column("function", String(24)),
    Column("clearance", JSON(none_as_null=True)),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    # An invite's id is the number that is printed with it: it is never given to another.
    sqlite_autoincrement=True,
)

pin = Table(
    "pin",
    metadata,
    Column("id", Id, primary_key=True),
    # Whose: of who will use this invite …
    Column("invite_id", ForeignKey(invite.c.id, ondelete="CASCADE"), index=True),
    Column("person_id", Id, index=True),  # … or of a person
    Column("kind", String(8), nullable=False),  # normal | duress | one_time
    Column("key", Sealed, nullable=False),  # wrapped; the same for all PINs of a person
    Column("hash", Sealed(32), nullable=False),  # keyed: four digits alone would be guessed
    Column("used", Boolean, nullable=False),
)

# A focal point may be under threat, or somebody guesses at a PIN. Open until a coordinator clears
# it; the person may have left.
warning = Table(
    "warning",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", Id, nullable=False),
    Column("kind", String(12), nullable=False),  # duress | wrong_pins
    Column("since", Date, nullable=False),
    UniqueConstraint("person_id", "kind"),
)

incident = Table(
    "incident",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("type", String(40), nullable=False),
    Column("place", String(16), nullable=False),
    Column("area", String(16), nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),  # as it was first reported
    Column("coarse", Boolean, nullable=False, default=False),  # only area and day are left
)

# A report counts, or was retracted by who sent it, refuted, or quarantined (under duress, or said
# in an exercise where there was none). Said in an exercise, it is a `drill`, or one that was
# retracted, `drill_back`: no count and no rule that looks at what counts ever sees these.
report = Table(
    "report",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    # Unique together: however often a batch is tried again, each report of a message is filed once.
    Column("inbox_id", Id, nullable=False),
    Column("nth", Integer, nullable=False, default=0),  # of the reports in one message, from 0
    # A pseudonym: nothing leads from it to a number. Below zero: drawn for that person and week.
    Column("reporter", Id, nullable=False),
    Column("type", String(40), nullable=False),
    Column("place", String(16), nullable=False),
    Column("area", String(16), nullable=False),
    Column("lat", Float),  # none where nothing happened: a check-in
    Column("lon", Float),
    Column("occurred_at", UtcDateTime, nullable=False, index=True),  # to the hour
    Column("received_at", UtcDateTime, nullable=False),  # to the hour
    Column("killed", Integer),
    Column("injured", Integer),
    Column("abducted", Integer),
    Column("displaced", Integer),
    Column("livestock", Integer),
    Column("confidence", Float, nullable=False),
    Column("verified", Boolean, nullable=False, default=True),  # by a PIN, where one is asked for
    Column("status", String(12), nullable=False),  # see above
    Column("incident_id", ForeignKey(incident.c.id), index=True),
    Column("coarse", Boolean, nullable=False, default=False),  # only area and day are left
    UniqueConstraint("inbox_id", "nth"),
)

# A message took back what its sender had sent last: kept as long as that message, because what it
# is about may come after it.
withdrawal = Table(
    "withdrawal",
    metadata,
    Column("id", Id, primary_key=True),
    Column("inbox_id", Id, nullable=False, unique=True),
    Column("person_id", Id, nullable=False, index=True),
    Column("verified", Boolean, nullable=False),
    Column("corrects", Boolean, nullable=False),  # the message is a report itself
    Column("drill", Boolean, nullable=False),  # it takes back what was said in an exercise alone
    Column("type", String(40)),  # where it says which report is meant
    Column("place", String(16)),
    Column("of_inbox_id", Id),  # where the very report is known
    Column("of_nth", Integer),
    Column("received_at", UtcDateTime, nullable=False),  # or the hour of it
)

# A report whose place is one of two, and its sender is asked which. It is filed at the place that
# they choose, or when it is due.
question = Table(
    "question",
    metadata,
    Column("id", Id, primary_key=True),
    Column("inbox_id", Id, nullable=False, unique=True),
    Column("nth", Integer, nullable=False),
    Column("person_id", Id, nullable=False, index=True),
    Column("draft", JSON, nullable=False),  # type, counts, days ago and confidence
    Column("first", String(16), nullable=False),  # codes of places
    Column("second", String(16), nullable=False),
    Column("area", String(16)),  # the code of the cercle or région around both
    Column("verified", Boolean, nullable=False),
    Column("under_duress", Boolean, nullable=False),
    Column("corrects", Boolean, nullable=False),
    Column("status", String(12), nullable=False),  # that the report is filed with
    Column("sent_at", UtcDateTime, nullable=False),  # to the hour
    Column("received_at", UtcDateTime, nullable=False),  # to the hour
    Column("asked_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("state", String(8), nullable=False),  # waiting | chosen | wide (filed around both)
)
Index(
    "ix_question_due",
    question.c.due_at,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

# Exercises: where and when reports that begin with EXERCICE are judged.
drill = Table(
    "drill",
    metadata,
    Column("id", Id, primary_key=True),
    Column("area", String(16), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True),
)

# Each set of areas that alerts were named by, one after the other.
# What was exported of a quarter, small counts kept back: the same for everybody, for ever.
published = Table(
    "published",
    metadata,
    Column("quarter", String(8), primary_key=True),  # 2026-Q4
    Column("dimensions", JSON, nullable=False),
    Column("lines", JSON, nullable=False),
)

area_version = Table(
    "area_version",
    metadata,
    Column("id", Id, primary_key=True),
    Column("areas", JSON, nullable=False),  # pcodes
    Column("made_at", UtcDateTime, nullable=False),
)

alert = Table(
    "alert",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # the number that people text
    # Unique: a rule tells of one episode once, whatever crashes in between.
    Column("episode", String(80), nullable=False, unique=True),
    Column("rule", String(64), nullable=False),
    Column("type", String(40), nullable=False),
    Column("area", String(16), nullable=False),
    Column("area_version", ForeignKey(area_version.c.id), nullable=False),
    Column("day", Date, nullable=False),
    Column("day_part", String(12), nullable=False),
    Column("severity", String(12), nullable=False),
    Column("late", Boolean, nullable=False),
    Column("state", String(12), nullable=False),  # see domain.responses
    Column("released_at", UtcDateTime, nullable=False),  # when responders were told
    # What is kept when the answers are deleted: when somebody first had it in hand, how it ended.
    Column("acknowledged_at", UtcDateTime),
    Column("outcome", String(16)),
    Column("drill", Boolean, nullable=False, default=False),  # every text says so
    Column("place_asked", Boolean, nullable=False),  # the rule asks for the exact place
    Column("place", String(16)),  # once a coordinator has let it be told
)

# The way of an alert from one responder to the next: a row a step, planned when it sets out.
stage = Table(
    "stage",
    metadata,
    Column("id", Id, primary_key=True),
    Column("alert_id", ForeignKey(alert.c.id), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("area", String(16), nullable=False),  # whose branch of the tree is told
    Column("step", JSON, nullable=False),  # whom it tells and what ends it: see domain.escalation
    Column("state", String(12), nullable=False),  # waiting | told | nobody | stopped | failed
    Column("due_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    # Once it is settled: how many of each function were told, and would have been but for their
    # absence; if it was stopped, by what: answered | corrected | graver.
    Column("told", JSON(none_as_null=True)),
    Column("passed_over", JSON(none_as_null=True)),
    Column("stopped_by", String(12)),
    Column("answers_of", JSON(none_as_null=True)),  # while it waits: who was told last
    UniqueConstraint("alert_id", "nth"),
)
Index(
    "ix_stage_waiting",
    stage.c.due_at,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

decision = Table(
    "decision",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("rule_hash", String(64), nullable=False),
    Column("episode", String(80), nullable=False, index=True),
    Column("type", String(40), nullable=False),
    Column("severity", String(12), nullable=False),
    Column("evidence", JSON, nullable=False),  # report ids
    Column("areas", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("checks", JSON, nullable=False),  # [name, value, threshold, met]
    Column("suppressed_by", String(80), index=True),
    Column("drill", Boolean, nullable=False, default=False),  # of what was said in an exercise
    Column("decided_at", UtcDateTime, nullable=False),  # to the hour
    # Of what responders are told: the finest area in use then, when they are to be told, and what
    # became of it: waiting, told, folded (into another text), withdrawn (before it left) or failed.
    Column("floor", String(16)),
    Column("due_at", UtcDateTime),
    Column("release", String(12)),
    Column("released_at", UtcDateTime),
    Column("alert_id", Id),
    Index("ix_decision_rule", "rule", "at"),
)
Index(
    "ix_decision_waiting",
    decision.c.due_at,
    sqlite_where=text("release = 'waiting'"),
    postgresql_where=text("release = 'waiting'"),
)

# What each rule that decided something said then, as its hash was made from it.
rule_text = Table(
    "rule_text",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)

# What each night's scan found: the places of one cluster, or none of this where nothing gathered.
scan = Table(
    "scan",
    metadata,
    Column("id", Id, primary_key=True),
    Column("day", Date, nullable=False, unique=True),  # the last that was looked at
    Column("incidents", Integer, nullable=False),  # how many were looked at
    Column("places", JSON(none_as_null=True)),  # codes, the centre's first
    Column("lat", Float),  # the centre, to one decimal
    Column("lon", Float),
    Column("radius_km", Float),
    Column("days", Integer),
    Column("observed", Integer),
    Column("expected", Float),
    Column("log_glr", Float),
    Column("p", Float),
    Column("recurrence_days", Float),
    Column("made_at", UtcDateTime, nullable=False),
)

# When all of an area gets a text: is asked to check in, by a plan that is made once a day, or is
# told that its texts were of use.
check_in = Table(
    "check_in",
    metadata,
    Column("id", Id, primary_key=True),
    Column("day", Date, nullable=False),  # local
    Column("area", String(16), nullable=False),
    Column("text", String(24), nullable=False),  # the name of the text
    Column("nth", Integer, nullable=False),  # from 0, of that day and text
    Column("due_at", UtcDateTime, nullable=False),
    Column("state", String(12), nullable=False),  # waiting | asked | missed
    Column("asked", Integer),  # how many people
    UniqueConstraint("day", "area", "text", "nth"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    # Unique: one text a purpose, subject and recipient, e.g. "alert/17/person/5".
    Column("key", String(80), nullable=False, unique=True),
    Column("purpose", String(24), nullable=False),  # the name of the text
    Column("alert_id", Id, index=True),
    Column("person_id", Id, index=True),  # to whom: an enrolled person …
    Column("inbox_id", Id),  # … or whoever sent this message
    Column("language", String(8), nullable=False),
    Column("state", String(12), nullable=False),  # waiting | claimed | sent | failed | dropped
    Column("due_at", UtcDateTime, nullable=False),
    Column("claimed_until", UtcDateTime),
    Column("key_version", Integer),  # of the keys that choose its wording, from the first claim on
    # Calls of a gateway that were begun: of one that was cut short there is no delivery.
    Column("attempts", Integer, nullable=False, default=0),
    Column("expires_at", UtcDateTime, nullable=False),
)
Index(
    "ix_outbox_open",
    outbox.c.due_at,
    sqlite_where=text("state IN ('waiting', 'claimed')"),
    postgresql_where=text("state IN ('waiting', 'claimed')"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("outbox_id", ForeignKey(outbox.c.id), nullable=False, index=True),
    Column("gateway", String(32), nullable=False),
    Column("message_index", Hash, index=True),  # keyed hash of the gateway's own id
    Column("status", String(20), nullable=False),
    Column("reason", String(40)),
    Column("currency", String(3)),
    Column("cost", Id),  # in millionths of the currency
    Column("at", UtcDateTime, nullable=False),
)

# What texts cost: sums by day, which outlive the texts.
spending = Table(
    "spending",
    metadata,
    Column("id", Id, primary_key=True),
    Column("day", Date, nullable=False),
    Column("gateway", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("texts", Integer, nullable=False),
    Column("cost", Id, nullable=False),  # in millionths of the currency
    UniqueConstraint("day", "gateway", "currency"),
)

# Added at the end only: a person's last word counts, and what was said before it stays.
response = Table(
    "response",
    metadata,
    Column("id", Id, primary_key=True),
    # Unique: however often a batch is tried again, a message becomes one answer.
    Column("inbox_id", Id, nullable=False, unique=True),
    Column("alert_id", ForeignKey(alert.c.id), nullable=False, index=True),
    Column("person_id", Id, nullable=False),
    Column("kind", String(16), nullable=False),  # see domain.responses
    Column("outcome", String(16)),
    Column("at", UtcDateTime, nullable=False),  # when it was sent, where that can be believed
)

# Who did what: added at the end only, which triggers keep (the migration makes them) and the chain
# of hashes shows.
audit = Table(
    "audit",
    metadata,
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("actor", String(80), nullable=False),
    Column("action", String(80), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("details", Text, nullable=False),  # JSON, as it was hashed
    Column("hash", Hash, nullable=False),
    Column("seal", Hash, nullable=False),
    Column("key_version", Integer, nullable=False),
)

# Who runs the network. A name is one that is used here alone; a removed row keeps its name taken.
coordinator = Table(
    "coordinator",
    metadata,
    Column("name", String(31), primary_key=True),
    Column("label", String(4), nullable=False, unique=True),  # the open part of the code
    Column("code_hash", String(160), nullable=False),  # Argon2id of the rest, as a PHC string
    Column("added_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Column("failures", Integer, nullable=False),  # wrong codes in a row
    Column("refused_until", UtcDateTime),
)

# Acts that take two coordinators: who asked for what, and who agreed.
approval = Table(
    "approval",
    metadata,
    Column("id", Id, primary_key=True),
    Column("act", String(40), nullable=False),
    Column("subject", JSON, nullable=False),
    Column("asked_by", String(31), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("approved_by", String(31)),
    Column("approved_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False),
)

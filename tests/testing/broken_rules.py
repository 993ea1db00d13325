"""Rules that each break one promise, and one that keeps all of them with everything that is allowed."""

from __future__ import annotations

import contextvars
import dataclasses
import functools
import hashlib
import importlib
import itertools
import json
import logging
import math
import os
import random
import re
import secrets
import socket
import statistics
import subprocess
import sys
import threading
import unicodedata
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from time import time as moment

import msgspec
from msgspec import Struct

from skillcore.plugin import EventKind, SignalRule, SkillSignal

SEEN = []
NUMBERS = itertools.count()
CHANCE = random.Random(7)
CALLER = contextvars.ContextVar("caller", default=0)
counted = 0
log = logging.getLogger(__name__)


class Broken(SignalRule):
    name = "acme.broken"
    version = 1
    kinds = frozenset({"platform.volunteered"})

    def derive(self, event):
        return [self.signal(event, skill) for skill in event.skills]

    def signal(self, event, skill, **different):
        return SkillSignal(**{
            "skill_id": skill, "source_type": "platform", "source_id": event.subject_id, "signal_type": "joined", **different
        })  # fmt: skip


class Doing(Broken):
    """Does something beside, for every event."""

    def derive(self, event):
        self.do(event)
        return super().derive(event)


class Weighing(Broken):
    """Gives its signals a weight of its own."""

    def derive(self, event):
        return [self.signal(event, skill, weight=float(self.weigh(event, skill))) for skill in event.skills]


class ReadsClock(Weighing):
    def weigh(self, event, skill):
        return (datetime.now(UTC) - event.occurred_at).days


class ReadsToday(Weighing):
    def weigh(self, event, skill):
        return date.today().year  # noqa: DTZ011


class ReadsTimeByAnotherName(Weighing):
    def weigh(self, event, skill):
        return moment()


class UsesRandom(Weighing):
    def weigh(self, event, skill):
        return random.random()


class UsesRandomDeepDown(Weighing):
    def weigh(self, event, skill):
        return random.choice([1, 2])


class UsesUnseededRandom(Weighing):
    def weigh(self, event, skill):
        return random.Random().random()


class UsesSharedRandom(Weighing):
    def weigh(self, event, skill):
        return CHANCE.random()


class UsesSecrets(Doing):
    def do(self, event):
        secrets.token_hex()


class UsesUuid(Broken):
    def derive(self, event):
        return [self.signal(event, skill, source_id=str(uuid.uuid4())) for skill in event.skills]


class OpensFile(Doing):
    def do(self, event):
        with open(__file__) as file:  # noqa: PTH123
            file.read()


class WritesFile(Doing):
    """Would write where nobody may; the guard stops it before it is tried, whatever the rule catches."""

    target = Path("/nonexistent/acme")

    def do(self, event):
        try:
            self.target.write_text("x")
        except Exception:  # noqa: BLE001
            log.debug("not written")


class LooksForFile(Doing):
    def do(self, event):
        Path(__file__).exists()


class ReadsEnvironment(Doing):
    def do(self, event):
        os.getenv("ACME_WEIGHT")


class Connects(Doing):
    def do(self, event):
        with socket.socket() as connection:
            connection.connect(("127.0.0.1", 9))


class StartsProgram(Doing):
    def do(self, event):
        subprocess.run(["true"], check=False)


class StartsThread(Doing):
    def do(self, event):
        threading.Thread(target=len, args=((),)).start()


class Prints(Doing):
    def do(self, event):
        print(event.kind)


class Logs(Doing):
    def do(self, event):
        log.warning("an event")


class SetsContext(Doing):
    def do(self, event):
        CALLER.set(CALLER.get() + 1)


class CountsGlobally(Weighing):
    def weigh(self, event, skill):
        global counted  # noqa: PLW0603
        counted += 1
        return counted


class CollectsGlobally(Doing):
    def do(self, event):
        SEEN.append(event.id)


class NumbersGlobally(Weighing):
    def weigh(self, event, skill):
        return next(NUMBERS)


class KeepsInItsClass(Doing):
    seen = {}  # noqa: RUF012

    def do(self, event):
        self.seen[event.id] = True


class KeepsInADefault(Doing):
    def do(self, event, seen=[]):  # noqa: B006
        seen.append(event.id)


class KeepsInItself(Weighing):
    def __init__(self):
        self.number = 0

    def weigh(self, event, skill):
        self.number += 1
        return self.number


class GoesThroughASet(Broken):
    def derive(self, event):
        return [self.signal(event, skill) for skill in set(event.skills)]


class Hashes(Weighing):
    def weigh(self, event, skill):
        return hash(skill) % 1000


class UsesLocalTime(Weighing):
    def weigh(self, event, skill):
        return event.occurred_at.astimezone().hour


class NeedsSkills(Broken):
    def derive(self, event):
        return [self.signal(event, event.skills[0])]


class Exits(Doing):
    def do(self, event):
        if not event.skills:
            sys.exit("no skills")


class ChangesEvents(Broken):
    kinds = frozenset({"session.activity"})

    def derive(self, event):
        event.data.detail["seen"] = True
        return super().derive(event)


class WeighsNothing(Weighing):
    def weigh(self, event, skill):
        return math.nan


class NamesOddSource(Broken):
    def signal(self, event, skill):
        return super().signal(event, skill, source_type="club")


class LeavesMentorship(Broken):
    def signal(self, event, skill):
        return super().signal(event, skill, source_type="mentorship")


class NamesNoSkill(Broken):
    def signal(self, event, skill):
        return super().signal(event, "")


class LeavesTexts(Broken):
    def signal(self, event, skill):
        return skill


class HasNoVersion(Broken):
    version = 0


class MisspeltKind(Broken):
    kinds = frozenset({"platform.volunteerd"})


class Lap(Struct, frozen=True):
    metres: float
    text: str = ""


LAP = EventKind("acme.lap", Lap, client=True)


@functools.lru_cache(maxsize=8)
def squared(number):
    return number * number


@functools.singledispatch
def worded(value):
    return str(value)


@worded.register
def _(value: int):
    return f"{value:d}"


@dataclasses.dataclass(frozen=True)
class Part:
    words: tuple[str, ...]


class Careful(SignalRule):
    """Uses what is pure of the standard library, in ways that look suspicious from afar."""

    name = "acme.careful"
    version = 3
    kinds = frozenset({"acme.lap"})

    @functools.cached_property
    def pattern(self):
        return re.compile(r"\w+")

    def derive(self, event):
        text = unicodedata.normalize("NFKC", event.data.text)
        words = Part(tuple(self.pattern.findall(text)))
        day = datetime.strptime(event.occurred_at.strftime("%Y-%m-%d"), "%Y-%m-%d").replace(tzinfo=UTC)
        late = datetime.fromtimestamp(event.occurred_at.timestamp(), UTC) > day
        digest = hashlib.sha256(msgspec.json.encode(event.data) + json.dumps(text).encode()).hexdigest()
        chance = random.Random(event.id).random()
        length = statistics.fmean([len(words.words), squared(3), float(Decimal("0.1")), math.sqrt(4), chance])
        colours = importlib.import_module("colorsys").rgb_to_hsv(0.1, 0.2, 0.3)
        own = uuid.uuid5(uuid.NAMESPACE_URL, f"{digest}{late}{colours}{worded(4)}")
        return (SkillSignal(skill, "session", str(own), "update", length) for skill in event.skills)

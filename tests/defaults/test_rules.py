"""The default rules under the whole suite, with signals by hand."""

from skillcore.defaults.rules import Completed, CompletedTask, Joined, Updated, Volunteered
from skillcore.plugin import SkillSignal
from skillcore.testing import RuleSample, RuleSuite, event

WORK = {"source": "gym", "account": "gym:7", "work": "loops-1", "strength": "judged"}


class TestJoined(RuleSuite):
    rule = Joined()
    samples = (
        RuleSample(
            event("project.joined", {"name": "Boat"}, subject_id="p-1", skills=["wood", "paint"]),
            (SkillSignal("wood", "project", "p-1", "joined"), SkillSignal("paint", "project", "p-1", "joined")),
        ),
        RuleSample(event("project.joined", {"name": "Boat"}, subject_id="p-1")),
    )


class TestUpdated(RuleSuite):
    rule = Updated()
    samples = (
        RuleSample(
            event("progress.updated", {"project_id": "p-1"}, subject_id="u-9", skills=["wood"]),
            (SkillSignal("wood", "update", "u-9", "update"),),
        ),
    )


class TestCompleted(RuleSuite):
    rule = Completed()
    samples = (
        RuleSample(
            event("evidence.accepted", WORK, skills=["loops"]),
            (SkillSignal("loops", "evidence", "gym:7:loops-1", "completed"),),
        ),
    )


class TestCompletedTask(RuleSuite):
    rule = CompletedTask()
    samples = (
        RuleSample(
            event(
                "task.completed",
                {"works": [{"subject": "gym:7:a"}, {"subject": "gym:7:b"}]},
                subject_id="t-1",
                skills=["loops"],
            ),
            (
                SkillSignal("loops", "evidence", "gym:7:a", "completed"),
                SkillSignal("loops", "evidence", "gym:7:b", "completed"),
            ),
        ),
    )


class TestVolunteered(RuleSuite):
    rule = Volunteered()
    samples = (
        RuleSample(
            event("platform.volunteered", subject_id="kitchen", skills=["cooking"]),
            (SkillSignal("cooking", "platform", "kitchen", "joined"),),
        ),
    )

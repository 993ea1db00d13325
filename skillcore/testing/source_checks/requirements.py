"""What may be required of a source: typed, with a schema, and junk refused by the name of its field."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import msgspec

from skillcore.plugin import InvalidRequirement
from skillcore.plugin.sections import Misfit, fit
from skillcore.testing.source_checks.frame import SourceFrame, shown

__all__ = ["RequirementChecks"]

SURPLUS = "surplus_field"
JUNK: tuple[Any, ...] = (None, True, -1, 0.5, 10**30, "", "x y", "\0", "a" * 10_000, [], [[]], {}, {"a": [1]})
DROPPED = 200


class RequirementChecks(SourceFrame):
    """Checks of the requirement Struct and of `VerificationSource.check`."""

    def test_its_requirement_has_a_schema(self) -> None:
        """Guards the API, which shows platforms what can be required: the requirement is a Struct with a JSON schema."""
        shape: object = self.source.requirement
        if not (isinstance(shape, type) and issubclass(shape, msgspec.Struct)):
            raise self.refuse(f"has {shape!r} for its requirement", "make it a msgspec.Struct")
        try:
            msgspec.json.encode(msgspec.json.schema(shape))
        except Exception as error:
            raise self.refuse(
                f"has a requirement without a JSON schema ({type(error).__name__}: {error})",
                "use types that JSON knows: text, numbers, times, lists, Structs and unions of those",
            ) from error

    def test_requirements_survive_the_way_through_the_database(self) -> None:
        """Guards stored tasks: a requirement that is written as JSON and read again is the same, and is still accepted."""
        for sample in self.samples():
            again = self._decoded(msgspec.json.decode(msgspec.json.encode(sample.requirement)))
            if again != sample.requirement:
                raise self.refuse(
                    f"has a requirement that comes back from JSON as {again!r} and went as {sample.requirement!r}",
                    "give its fields types that JSON carries, and let no __post_init__ change them",
                )
            refusal = self._check(again)
            if refusal:
                raise self.refuse(f"refuses its own sample {again!r}: {refusal}", "mend `check`, or the sample")

    def test_unknown_fields_are_refused_by_name(self) -> None:
        """Guards against typing errors in tasks: a field that a requirement does not have is refused, not ignored."""
        for sample in self.samples():
            try:
                msgspec.convert({**_plain(sample.requirement), SURPLUS: 1}, self.source.requirement)
            except msgspec.ValidationError as error:
                if SURPLUS not in str(error):
                    raise self._unnamed(SURPLUS, error) from error
            else:
                raise self.refuse(
                    f"takes the unknown field {SURPLUS} in a requirement", "declare the Struct with forbid_unknown_fields=True"
                )

    def test_values_of_the_wrong_type_are_refused_by_field(self) -> None:
        """Guards `verify` against junk: each field refuses some of it by name, and what it takes, `check` can judge."""
        for sample in self.samples():
            for field, value in _plain(sample.requirement).items():
                refused = [junk for junk in JUNK if junk != value and not self._takes(sample.requirement, field, junk)]
                if not refused:
                    raise self.refuse(f"takes anything for the requirement's field {field}", "give the field a narrower type")

    def test_incomplete_requirements_are_judged(self) -> None:
        """Guards the API against crashes: with fields left out, a requirement is refused by field, or is one."""
        for data in self._incomplete():
            try:
                requirement = msgspec.convert(data, self.source.requirement)
            except msgspec.ValidationError:
                continue
            self._check(requirement)

    def _incomplete(self) -> Iterator[dict[str, Any]]:
        number = 0
        for sample in self.samples():
            data = _plain(sample.requirement)
            for size in range(len(data)):
                for names in combinations(data, size):
                    number += 1
                    if number > DROPPED:
                        return
                    yield {name: data[name] for name in names}

    def _takes(self, requirement: msgspec.Struct, field: str, junk: Any) -> bool:
        try:
            taken = fit({**_plain(requirement), field: junk}, self.source.requirement)
        except Misfit as misfit:
            if misfit.path[:1] != (field,):
                raise self._unnamed(field, misfit) from misfit
            return False
        return self._check(taken) is None

    def _check(self, requirement: Any) -> InvalidRequirement | None:
        """Return what `check` refuses, if it refuses by the name of a field of the requirement."""
        try:
            self.source.check(requirement)
        except InvalidRequirement as refusal:
            fields = self.source.requirement.__struct_encode_fields__
            if str(refusal.field).partition(".")[0] not in fields:
                raise self._unnamed(refusal.field, refusal) from refusal
            return refusal
        except BaseException as error:
            raise self.refuse(
                f"fails in `check` on {requirement!a:.200} with {shown(error)}",
                "raise InvalidRequirement with the field at fault",
            ) from error
        return None

    def _decoded(self, data: Any) -> msgspec.Struct:
        try:
            read: msgspec.Struct = msgspec.convert(data, self.source.requirement)
        except msgspec.ValidationError as error:
            raise self.refuse(
                f"has a requirement that cannot be read back from its own JSON: {error}",
                "give its fields types that JSON carries",
            ) from error
        return read

    def _unnamed(self, field: object, error: Exception) -> AssertionError:
        return self.refuse(
            f"refuses {field!a} with words that name no field of the requirement: {str(error)[:200]!a}",
            f"name one of {', '.join(self.source.requirement.__struct_encode_fields__)}",
        )


def _plain(requirement: msgspec.Struct) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(requirement))
    return data

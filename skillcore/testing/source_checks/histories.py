"""Past work: told to its end, page by page, each work once, and to be gone on with after any page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec

from skillcore.plugin import Account, Evidence, Page, SourceError, Unavailable
from skillcore.runtime.clock import now
from skillcore.runtime.settings import ResilienceSettings
from skillcore.testing.endless import endless_handlers
from skillcore.testing.faults import Hang
from skillcore.testing.mutations import FOREIGN, cuts
from skillcore.testing.recordings import call_of
from skillcore.testing.responder import Handler
from skillcore.testing.source_checks.failing import FAULTS, HASTY
from skillcore.testing.source_checks.frame import SourceFrame, shown, taken_up, told_by
from skillcore.testing.source_checks.reading import FEWEST, damaged, is_answer
from skillcore.testing.tools import ONE_BY_ONE

__all__ = ["HistoryChecks"]

STRUCK = 5
"""Calls behind a history that are struck, one after the other."""

ACCIDENTS = 1500
"""Answers with one damage inside that are tried in all."""

LONGEST_CURSOR = 1000
AHEAD = 86_400.0
"""Seconds by which a source's clock may be ahead of ours."""

CURSOR = "put into the cursor what the next page needs, such as the number of works behind it or the last one's time and id"


class HistoryChecks(SourceFrame):
    """Checks of `history`, of evidence, and of pages in general."""

    def test_evidence_is_sound(self) -> None:
        """Guards the ledger, which keeps evidence for ever: names within bounds, times with a zone and not to come."""
        for sample in self.met:
            tools = self.recital()
            verify = partial(self.source.verify, tools, self.account(sample), sample.requirement)
            verdict = self.run(partial(self.tried, verify))
            for evidence in getattr(verdict, "evidence", ()):
                self._sound(evidence, f"verify for {sample.handle!a}")

    def test_pages_come_to_an_end(self) -> None:
        """Guards the worker against a server that always says there is more: it is not believed for ever.

        The answers behind each sample come again and again, with every number, flag and cursor in them saying that more is
        to come, the same rows or new ones on every page.
        """
        seen: set[str] = set()
        for sample in (*self.not_met, *self.met):
            for call, text in self.texts(sample).items():
                if call[0] not in seen:
                    seen.add(call[0])
                    for handler in endless_handlers(self.answer, call, text):
                        self.run(partial(self.outcome, sample, handler))

    def test_history_comes_to_an_end(self) -> None:
        """Guards the import of past work: it ends, and a server that always says there is more is not believed for ever."""
        for account in self._with_history():
            texts = self.run(partial(self._texts_of_history, account))
            for call, text in list({call[0]: (call, text) for call, text in texts.items()}.values()):
                for handler in endless_handlers(self.answer, call, text):
                    self.run(partial(self._pages, account, None, handler))

    def test_history_is_sound(self) -> None:
        """Guards the ledger and the import's progress: sound evidence, plain short cursors, counts that add up."""
        for account in self._with_history():
            behind = 0
            for page in self._told(account) or ():
                for evidence in page.evidence:
                    self._sound(evidence, f"the history of {account.handle!a}")
                self._plain(page, account)
                behind += len(page.evidence)
                done = behind if page.done is None else page.done
                if page.total is not None and done > page.total:
                    raise self.refuse(
                        f"says that {done} of {page.total} works lie behind a page of {account.handle!a}",
                        "count both over the same items, or leave them out",
                    )

    def test_history_names_each_work_once(self) -> None:
        """Guards scores: a work counts once, with the time when it was first accepted."""
        for account in self._with_history():
            self._once(self._told(account) or [], account, "its history")

    def test_history_goes_on_after_any_page(self) -> None:
        """Guards an import that was killed: taken up after any page it kept, it tells the rest, all of it and no more.

        A work that was done again behind that page may be told once more, with the later time: the ledger keeps the first.
        """
        for account in self._with_history():
            pages = self._told(account) or []
            for number in taken_up(len(pages)):
                rest = self._told(account, pages[number].cursor)
                if rest is None:
                    raise self.refuse("has no history after a page, and one from the beginning", CURSOR)
                together = [*pages[: number + 1], *_without_later(rest, pages[: number + 1])]
                lost = _works(pages) - _works(together)
                if lost:
                    raise self.refuse(
                        f"loses {sorted(lost)[0][0]!a} of {account.handle!a} when its history goes on after page {number + 1}"
                        f" of {len(pages)}",
                        CURSOR,
                    )
                added = _works(together) - _works(pages)
                if added:
                    raise self.refuse(
                        f"tells {sorted(added)[0][0]!a} of {account.handle!a} otherwise when its history goes on after page"
                        f" {number + 1} of {len(pages)}",
                        CURSOR,
                    )
                self._once(together, account, f"its history, taken up after page {number + 1}")

    def test_history_that_is_told_has_nothing_to_add(self) -> None:
        """Guards the daily import: after the last page there is nothing new as long as nothing new was done."""
        for account in self._with_history():
            pages = self._told(account) or []
            rest = self._told(account, pages[-1].cursor) if pages else []
            again = [evidence.work for page in rest or () for evidence in page.evidence]
            if again:
                raise self.refuse(f"tells {again[0]!a} of {account.handle!a} again after the last page", CURSOR)

    def test_damaged_answers_make_no_history(self) -> None:
        """Guards imports against gaps: an answer that is cut or foreign stops the history, and only source errors leave it."""
        answers = [
            (account, call, text)
            for account in self._with_history()
            for call, text in list(self.run(partial(self._texts_of_history, account)).items())[:STRUCK]
        ]
        for account, call, text in answers:
            whole = _works(self._told(account) or [])
            stopping = [fault for fault in (*FAULTS, *FOREIGN, *cuts(text)) if not is_answer(fault, text)]
            for broken in (*stopping, *damaged(text, self.spare, max(FEWEST, ACCIDENTS // len(answers)))):
                found = self.run(partial(self._pages, account, None, self.but(call, broken)))
                self._judge_history(found, broken, whole if broken in stopping else set(), call[0])

    def test_a_hanging_tool_stops_history(self) -> None:
        """Guards the queue of its jobs: a page that is never answered ends as Unavailable when its time is up."""
        for account in self._with_history():
            if self._told(account) is not None:
                found = self.run(partial(self._pages, account, None, lambda tool, arguments: Hang(), HASTY))
                if not isinstance(found, SourceError):
                    raise self.refuse(
                        f"told a history of {account.handle!a} although no tool answered", "let Unavailable through"
                    )

    def _judge_history(self, found: Any, broken: object, whole: set[Any], tool: str) -> None:
        """Refuse a history with gaps, and errors that no source may raise.

        Args:
            found: the pages, or what was raised.
            broken: what the tool answered.
            whole: the works that must be there, if there is a history.
            tool: the tool that was struck.
        """
        if isinstance(found, list) and whole <= _works(found):
            return
        if isinstance(found, Unavailable) or (isinstance(broken, Exception) and isinstance(found, SourceError)):
            return
        said = f"{len(_works(found))} works of {len(whole)}" if isinstance(found, list) else shown(found)
        raise self.refuse(
            f"told {said} in a history with a damaged answer to {tool}; damaged it reads {str(broken)[:100]!a}",
            "parse each page strictly, and let the errors of the tools through",
        )

    def _with_history(self) -> list[Account]:
        """Return the accounts whose history the source tells."""
        accounts = [account for account in self.accounts() if self._told(account) is not None]
        if not accounts:
            self.skip("offers no history")
        return accounts

    def _told(self, account: Account, after: str | None = None) -> list[Page] | None:
        """Return the pages of a history; None if the source has none."""
        found: Any = self.run(partial(self._pages, account, after))
        if isinstance(found, BaseException):
            raise self.refuse(
                f"told no history of {account.handle!a} after {after!a}, but {shown(found)}",
                "mend `history`, and give the suite the answers it needs",
            ) from found
        pages: list[Page] | None = found
        return pages

    async def _pages(
        self, account: Account, after: str | None, handler: Handler | None = None, resilience: ResilienceSettings = ONE_BY_ONE
    ) -> Any:
        tools = self.recital(handler, resilience)

        async def read() -> list[Page] | None:
            history: object = self.source.history(tools, account, after)
            if history is None:
                return None
            pages = told_by(history)
            if pages is None:
                raise self.refuse(
                    f"has a history that is {type(history).__name__}", "make it an async generator that yields Page"
                )
            told: list[Page] = []
            async for page in pages:
                if not isinstance(page, Page):
                    raise self.refuse(f"has {type(page).__name__} in its history", "yield Page")
                told.append(page)
                if len(told) > self.most_calls:
                    raise self.endless(f"told more than {self.most_calls} pages of the history of {account.handle!a}")
                await asyncio.sleep(0)
            return told

        found = await self.tried(read)
        if isinstance(found, AssertionError):
            raise found
        return found

    async def _texts_of_history(self, account: Account) -> Any:
        tools = self.recital()
        pages = told_by(self.source.history(tools, account, None))
        if pages is not None:
            async for _ in pages:
                await asyncio.sleep(0)
        return {call_of(raw.tool, raw.arguments): raw.body for raw in tools.answers if not raw.failed}

    def _sound(self, evidence: Evidence, where: str) -> None:
        try:
            msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)
        except Exception as error:
            raise self.refuse(
                f"gives evidence in {where} that does not hold: {error}", "keep to the bounds of Evidence"
            ) from error
        if evidence.occurred_at.utcoffset() is None:
            raise self.refuse(
                f"gives a time without a zone in {where}: {evidence.work!a} at {evidence.occurred_at}",
                "make it datetime.fromtimestamp(…, UTC), or decode Annotated[datetime, Meta(tz=True)]",
            )
        if "\0" in evidence.work or any("\0" in topic for topic in evidence.topics):
            raise self.refuse(
                f"gives a null character in {where}: {evidence.work!a}", "refuse it where the answer is parsed, by a pattern"
            )
        if (evidence.occurred_at - now()).total_seconds() > AHEAD:
            raise self.refuse(
                f"gives a time to come in {where}: {evidence.work!a} at {evidence.occurred_at}", "look at the unit of the time"
            )

    def _plain(self, page: Page, account: Account) -> None:
        cursor: object = page.cursor
        plain = isinstance(cursor, str) and len(cursor) <= LONGEST_CURSOR and "\0" not in cursor
        try:
            sent = cursor.encode("utf-8") if isinstance(cursor, str) else b""
        except UnicodeEncodeError:
            plain, sent = False, b""
        if not plain or not sent:
            raise self.refuse(
                f"gives the cursor {str(cursor)[:100]!a} in the history of {account.handle!a}",
                f"make it a text of 1 to {LONGEST_CURSOR} ordinary characters",
            )

    def _once(self, pages: list[Page], account: Account, where: str) -> None:
        seen: set[str] = set()
        for page in pages:
            for evidence in page.evidence:
                if evidence.work in seen:
                    raise self.refuse(
                        f"names {evidence.work!a} of {account.handle!a} twice in {where}",
                        "name a work when it was first accepted, and leave out later acceptances",
                    )
                seen.add(evidence.work)


def _without_later(pages: Iterable[Page], before: Iterable[Page]) -> list[Page]:
    """Return pages without works that those before them have told already, done earlier."""
    told = {evidence.work: evidence.occurred_at for page in before for evidence in page.evidence}

    def is_later(evidence: Evidence) -> bool:
        return evidence.work in told and evidence.occurred_at > told[evidence.work]

    return [msgspec.structs.replace(page, evidence=tuple(one for one in page.evidence if not is_later(one))) for page in pages]


def _works(pages: list[Page]) -> set[tuple[str, Any]]:
    return {(evidence.work, evidence.occurred_at) for page in pages for evidence in page.evidence}

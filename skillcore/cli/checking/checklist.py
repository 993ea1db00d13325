"""The checklist: what a plugin should keep to, in the order in which an author gets there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from skillcore.cli.checking.annotated import typed
from skillcore.cli.checking.conformance import conforms, survives_faults
from skillcore.cli.checking.documentation import explains_evidence, settings_documented
from skillcore.cli.checking.lines import Finding, Line, Rule, failed, passed, skipped
from skillcore.cli.checking.subject import Subject
from skillcore.plugin import VerificationSource

__all__ = ["RULES", "go_through"]


def loads(subject: Subject) -> Finding:
    """Look whether the plugin loads and offers something."""
    state = subject.state
    if state.error:
        return failed(state.error, "do as the message says")
    if not state.offers:
        return failed(
            "it offers nothing as it is configured",
            f"return something from a hook; if a setting switches it on, set it in [plugins.{state.name}]",
        )
    unfit = sorted(state.exempt.keys() - {rule.id for rule in RULES if rule.exemptible})
    if unfit:
        allowed = ", ".join(rule.id for rule in RULES if rule.exemptible)
        return failed(f"PluginInfo.exempt names {', '.join(unfit)}", f"only {allowed} can be exempt: remove the others")
    outdated = f"; outdated: {'; '.join(state.deprecated)}" if state.deprecated else ""
    return passed(f"for contract {state.contract}{outdated}")


def accounts_proved(subject: Subject) -> Finding:
    """Look whether people can prove their accounts at every source."""
    without = [name for name, source in subject.sources.items() if not source.proofs]
    if without:
        return failed(
            f"nobody can prove an account at {', '.join(without)}",
            "set proofs: a ChallengeProof with challenge() and check_challenge(), an OAuthProof or an OIDCProof",
        )
    ways = {proof.__struct_config__.tag for source in subject.sources.values() for proof in source.proofs}
    return passed(f"by {', '.join(sorted(map(str, ways)))}") if ways else skipped("it offers no source")


def history_offered(subject: Subject) -> Finding:
    """Look whether every source shows past work."""
    base = VerificationSource.history
    without = [name for name, source in subject.sources.items() if type(source).history is base]
    if without:
        return failed(
            f"{', '.join(without)} shows no past work", "write history(): pages of evidence, oldest first, with cursors"
        )
    return passed("every source shows past work") if subject.sources else skipped("it offers no source")


RULES = (
    Rule(id="loads", what="it loads and offers something", look=loads),
    Rule(id="conforms", what="the conformance suites pass for all that it offers", look=conforms),
    Rule(id="typed", what="its types are shipped and complete", look=typed),
    Rule(id="settings-documented", what="every setting is documented", look=settings_documented),
    Rule(id="faults-survived", what="failing servers never make a verdict", look=survives_faults),
    Rule(id="accounts-proved", what="people can prove their accounts", look=accounts_proved, exemptible=True),
    Rule(id="history-offered", what="past work counts", look=history_offered, exemptible=True),
    Rule(id="evidence-explained", what="its README explains the evidence", look=explains_evidence),
)
"""Every line, in order. What can be exempt may be impossible at a site; the rest is in an author's hands."""


def go_through(subject: Subject, rules: Iterable[Rule] = RULES) -> Iterator[Line]:
    """Yield the lines one by one: some take minutes."""
    usable = True
    for rule in rules:
        finding = rule.look(subject) if usable else skipped("it does not load")
        usable = usable and (rule.id != "loads" or subject.state.state == "active")
        yield _line(rule, _excused(rule, subject, finding))


def _excused(rule: Rule, subject: Subject, finding: Finding) -> Finding:
    reason = subject.state.exempt.get(rule.id, "")
    if not reason or not rule.exemptible:
        return finding
    if finding.outcome == "failed":
        return Finding(outcome="exempt", detail=reason)
    return failed(f"{finding.detail}, and PluginInfo.exempt excuses it", "remove the exemption")


def _line(rule: Rule, finding: Finding) -> Line:
    return Line(id=rule.id, what=rule.what, outcome=finding.outcome, detail=finding.detail, remedy=finding.remedy)

"""Every way in which a plugin can be broken leaves the others alone, and its error says who, what, and what to do."""

import logging
import sys
import threading
from types import ModuleType

import pytest

from skillcore.plugin import CONTRACT
from skillcore.plugin.hookspecs import HookSpecs
from skillcore.plugin.manager import Plugins, PluginsFailed, PluginState

GOOD = """
class Lap(Struct, frozen=True):
    metres: float

@hookimpl
def skillcore_event_kinds():
    return [EventKind("swim.lap", Lap)]
"""
SOURCE = """
class Solved(Struct, frozen=True, forbid_unknown_fields=True):
    exercise: str

class Gym(VerificationSource[Solved]):
    name = "gym"
    requirement = Solved
    server = MCPServer(tools=(Tool("solved"),), settings=ServerSettings(command="gym"))

    async def verify(self, tools, account, requirement):
        return NotVerified("", "")
"""
RULE = """
class Volunteering(SignalRule):
    name = "volunteering"
    version = 1
    kinds = frozenset({"platform.volunteered"})

    def derive(self, event):
        return []
"""
FORMULA = """
class Count(Struct, frozen=True):
    works: int = 0

class Works(ScoringFormula[Count]):
    name = "works"
    version = 1
    kinds = frozenset({"evidence.accepted"})
    state = Count

    def apply(self, state, event):
        return state

    def value(self, state, reading):
        return Score(None)
"""
ACHIEVEMENT = 'Achievement(name="first-ten", title="Ten works", formula="works", at_least=10)'


CHALLENGE = """
    def challenge(self, account, number):
        return Challenge(key=str(number), instructions="jump")
"""
CLIENT = 'client=OAuthClient(client_id="us"), '
PROOFS = {
    "[]": ("proofs must be a tuple",),
    "None": ("proofs must be a tuple",),
    '("challenge",)': ("str stands among its proofs",),
    "(ChallengeProof,)": ("stands among its proofs, which are ChallengeProof, OAuthProof and OIDCProof",),
    "(ChallengeProof(minutes=0),)": ("minutes", ">= 1"),
    "(ChallengeProof(), ChallengeProof(minutes=5))": ("two proofs of the kind ChallengeProof; keep one",),
    f'(OIDCProof({CLIENT} issuer="https://id.test"), OIDCProof({CLIENT} issuer="https://id2.test"))': ("two proofs", "OIDC"),
    f'(OIDCProof({CLIENT} issuer="id.test"),)': ("issuer", "regex"),
    f'(OAuthProof({CLIENT} authorize_url="https://a.test", token_url="https://a.test", user_url=7),)': ("user_url",),
    '(OIDCProof(client="us", issuer="https://id.test"),)': ("client",),
    "(ChallengeProof(),)": ("its ChallengeProof needs a method challenge() of its own",),
    f"(ChallengeProof(),)\n{CHALLENGE}": ("its ChallengeProof needs a method check_challenge() of its own",),
}
"""What stands where ways to prove an account belong, and what is said of it."""


def load(*names: str, **options) -> Plugins:
    return Plugins.load(allow=names, **options)


def state(plugins: Plugins, name: str) -> PluginState:
    (found,) = [plugin for plugin in plugins.plugins if plugin.name == name]
    return found


def offering(hook: str, expression: str, before: str = "") -> str:
    argument = "" if hook in {"skillcore_event_kinds", "skillcore_achievements"} else "settings"
    return f"{before}\n@hookimpl\ndef {hook}({argument}):\n    return {expression}\n"


def assert_contained(install, code: str, *words: str, **options) -> None:
    """The broken plugin fails with these words; a good one beside it, later in the order, still loads."""
    install("broken", code, **options)
    install("good", GOOD)

    plugins = load("broken", "good")

    broken = state(plugins, "broken")
    assert broken.state == "failed"
    assert broken.offers == {}
    for word in words:
        assert word in (broken.error or "")
    assert state(plugins, "good").state == "active"
    assert "swim.lap" in plugins.kinds
    assert not plugins.sources
    assert not plugins.achievements


def test_a_plugin_is_found_by_its_entry_point(install):
    install("swimming", GOOD, distribution="acme-swimming", version="2.3")

    plugins = load("swimming")

    assert state(plugins, "swimming") == PluginState(
        name="swimming",
        version="2.3",
        distribution="acme-swimming",
        state="active",
        contract=">=1.1,<2",
        offers={"kinds": ("swim.lap",)},
    )


def test_the_defaults_load_first_even_where_only_others_are_allowed(install):
    install("a", GOOD)

    plugins = load("a")

    assert plugins.plugins[0].name == "defaults"
    assert plugins.plugins[0].state == "active"
    assert {rule.name for rule in plugins.rules_for("evidence.accepted")} == {"completed"}
    assert plugins.rules_for("swim.lap") == ()


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("raise BaseException('base')", "BaseException: base"),
        ("def f(:", "SyntaxError"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E"),
    ],
)
def test_raising_at_import(install, raised, shown):
    assert_contained(install, raised, "importing it raised", shown)


def test_an_interrupt_from_the_keyboard_is_no_failure_of_the_plugin(install):
    install("broken", "raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        load("broken")


@pytest.mark.parametrize("hook", [name for name in vars(HookSpecs) if name.startswith("skillcore_")])
@pytest.mark.parametrize("raised", ["RuntimeError('boom')", "SystemExit('boom')"])
def test_raising_at_a_hook(install, hook, raised):
    body = f"@hookimpl\ndef {hook}():\n    raise {raised}\n"
    assert_contained(install, body, hook, "raised", "boom", ".py, line ", info=hook != "skillcore_plugin")


@pytest.mark.parametrize("hook", [name for name in vars(HookSpecs) if name.startswith("skillcore_")])
@pytest.mark.parametrize("junk", ["None", "3", "'junk'", "{'a': 1}", "[3]", "[None]", "object"])
def test_junk(install, hook, junk):
    body = f"@hookimpl\ndef {hook}():\n    return {junk}\n"
    assert_contained(install, body, hook, "must return", info=hook != "skillcore_plugin")


def test_a_generator_that_raises_half_way(install):
    body = """
    @hookimpl
    def skillcore_event_kinds():
        class Lap(Struct):
            metres: float
        yield EventKind("swim.turn", Lap)
        raise RuntimeError("half way")
    """
    assert_contained(install, body, "skillcore_event_kinds", "half way")


def test_an_asynchronous_hook(install):
    assert_contained(
        install, "@hookimpl\nasync def skillcore_event_kinds():\n    return []\n", "skillcore_event_kinds is asynchronous"
    )


def test_a_hook_that_does_not_exist(install):
    body = "@hookimpl\ndef skillcore_event_kind():\n    return []\n"
    assert_contained(install, body, "there is no hook skillcore_event_kind;", "did you mean skillcore_event_kinds?")


def test_a_hook_that_is_not_marked(install):
    assert_contained(install, "def skillcore_event_kinds():\n    return []\n", "skillcore_event_kinds", "@hookimpl")


def test_a_hook_with_other_arguments(install):
    body = "@hookimpl\ndef skillcore_event_kinds(settings):\n    return []\n"
    assert_contained(install, body, "other arguments", "skillcore_event_kinds", "settings")


def test_a_plugin_that_does_not_introduce_itself(install):
    assert_contained(install, "", "skillcore_plugin", "contract", info=False)


@pytest.mark.parametrize("other", [">=1.2", ">=2,<3", "<1.1, >=1", "==1.0", ">=1,<1.1"])
def test_another_contract(install, other):
    body = f"@hookimpl\ndef skillcore_plugin():\n    return PluginInfo(contract={other!r})\n"
    assert_contained(
        install,
        body,
        f"wants contract {other}",
        f"has contract {CONTRACT}",
        f"install a release of acme-broken for contract {CONTRACT}",
        f"or a skillcore with contract {other}",
        info=False,
    )


@pytest.mark.parametrize("wanted", ["1.1", "", "~=1.1", "None", ">=1.1,<2;", 1.1, None, True, b">=1.1", [">=1.1"], -1, 10**6])
@pytest.mark.filterwarnings("ignore::skillcore.plugin.SkillcoreDeprecationWarning")
def test_what_is_no_range_of_contracts(install, wanted):
    body = f"@hookimpl\ndef skillcore_plugin():\n    return PluginInfo(contract={wanted!r})\n"
    assert_contained(install, body, "the contract of its PluginInfo", 'write it such as ">=1.1,<2"', info=False)


@pytest.mark.parametrize(
    ("hook", "expression", "before", "words"),
    [
        ("skillcore_verification_sources", "[Gym()]", SOURCE.replace('name = "gym"', ""), ("source Gym", "name")),
        ("skillcore_verification_sources", "[Gym()]", SOURCE.replace('"gym"', '"Gym Club"', 1), ("'Gym Club'", "lower-case")),
        ("skillcore_verification_sources", "[Gym()]", SOURCE.replace("requirement = Solved", ""), ("'gym'", "requirement")),
        ("skillcore_verification_sources", "[Gym()]", SOURCE.replace("= Solved\n", "= dict\n"), ("requirement", "Struct")),
        ("skillcore_verification_sources", "[Gym()]", SOURCE.replace("    server = ", "    its = "), ("no server",)),
        ("skillcore_verification_sources", "[Gym()]", SOURCE.replace('command="gym"', ""), ("neither a command nor a url",)),
        ("skillcore_verification_sources", "[Gym()]", SOURCE.replace('(Tool("solved"),)', "()"), ("no tools",)),
        ("skillcore_verification_sources", "[Gym()]", SOURCE.replace('Tool("solved")', '"solved"'), ("'gym'", "Expected")),
        (
            "skillcore_verification_sources",
            "[Gym()]",
            SOURCE.replace('command="gym"', 'command="gym", calls_per_second=0'),
            ("'gym'", "> 0", "calls_per_second"),
        ),
        *(
            ("skillcore_verification_sources", "[Gym()]", f"{SOURCE}\n    proofs = {proofs}\n", ("source 'gym'", *words))
            for proofs, words in PROOFS.items()
        ),
        (
            "skillcore_verification_sources",
            "[Gym()]",
            f"{SOURCE}\n    counted_as = 'contest_rating'\n",
            ("source 'gym'", "counted_as must be 'problems_solved', 'contributions' or None, not 'contest_rating'"),
        ),
        ("skillcore_verification_sources", "[Gym]", SOURCE, ("a list of VerificationSource", "the class Gym itself")),
        ("skillcore_verification_sources", "[Gym(), Gym()]", SOURCE, ("two sources named 'gym'",)),
        ("skillcore_event_kinds", '[EventKind("lap", Struct)]', "", ("event kind", "dots", "'lap'")),
        ("skillcore_event_kinds", '[EventKind("x.lap", Struct)]', "", ("'x.lap'", "platforms")),
        ("skillcore_event_kinds", '[EventKind("swim.lap", dict)]', "", ("'swim.lap'", "payload must be a msgspec.Struct")),
        ("skillcore_signal_rules", "[Volunteering()]", RULE.replace("version = 1", "version = '1'"), ("version", "'1'")),
        ("skillcore_signal_rules", "[Volunteering()]", RULE.replace("frozenset(", "list("), ("kinds must be a frozenset",)),
        ("skillcore_scoring_formulas", "[Works()]", FORMULA.replace("state = Count", ""), ("'works'", "state")),
        ("skillcore_scoring_formulas", "[Works()]", FORMULA.replace("int = 0", "int"), ("state", "raised TypeError")),
        (
            "skillcore_scoring_formulas",
            "[Works()]",
            FORMULA.replace("    def apply", "    def parameters(self):\n        return {'a': object()}\n\n    def apply"),
            ("parameters()",),
        ),
        ("skillcore_achievements", f"[{ACHIEVEMENT.replace('10)', 'None)')}]", "", ("'first-ten'", "at_least")),
        ("skillcore_achievements", f"[{ACHIEVEMENT.replace('Ten works', '')}]", "", ("title",)),
    ],
)
def test_things_that_cannot_be_used(install, hook, expression, before, words):
    assert_contained(install, offering(hook, expression, before), *words)


SETTINGS = """
class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    greeting: str = "hello"
    server: ServerSettings = ServerSettings(command="npx", args=("-y", "gym"), calls_per_second=1.5)

@hookimpl
def skillcore_plugin():
    return PluginInfo(contract=">=1.1,<2", settings=Settings)

seen = []

@hookimpl
def skillcore_verification_sources(settings):
    seen.append(settings)
    return []

@hookimpl
def skillcore_signal_rules(settings):
    seen.append(settings)
    return []
"""


def test_every_hook_gets_the_section_over_the_defaults_without_what_is_the_engines(install):
    install("gym", SETTINGS, info=False)
    section = {"server": {"calls_per_second": 2, "env": {"A": "b"}}, "resilience": {"retries": 0}}

    plugins = load("gym", sections={"gym": section, "other": {"greeting": "secret"}})

    assert state(plugins, "gym").error is None
    first, second = sys.modules["acme_gym_gym"].seen
    assert first is second
    assert first.greeting == "hello"
    assert first.server.command == "npx"
    assert first.server.args == ("-y", "gym")
    assert first.server.calls_per_second == 2
    assert first.server.env == {"A": "b"}
    assert plugins.settings["gym"] is first


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"greting": "hi"}, ("[plugins.broken] greting", "greeting, server", "did you mean greeting?")),
        ({"greeting": 3}, ("[plugins.broken] greeting", "3 (int)", "allowed: text")),
        ({"server": {"calls_per_second": 0}}, ("[plugins.broken.server] calls_per_second", "more than 0")),
        ({"server": {"comand": "npx"}}, ("[plugins.broken.server] comand", "did you mean command?")),
        ({"server": {"args": ["a", 3]}}, ("[plugins.broken.server.args] 1", "3 (int)")),
        ({"server": {"headers": {"Authorization": 3}}}, ("[plugins.broken.server.headers] Authorization", "not shown")),
        ({"server": "npx"}, ("[plugins.broken] server", "a table")),
    ],
)
def test_settings_that_do_not_fit(install, section, words):
    install("broken", SETTINGS, info=False)
    install("good", GOOD)

    plugins = load("broken", "good", sections={"broken": section})

    assert state(plugins, "broken").state == "failed"
    for word in words:
        assert word in state(plugins, "broken").error
    assert state(plugins, "good").state == "active"


def test_settings_for_a_plugin_that_takes_none(install):
    install("good", GOOD)

    failed = state(load("good", sections={"good": {"pool": 25}}), "good")

    assert failed.state == "failed"
    assert "it takes no settings; remove pool from [plugins.good]" in failed.error


def test_settings_without_defaults(install):
    body = """
    class Settings(Struct):
        greeting: str

    @hookimpl
    def skillcore_plugin():
        return PluginInfo(contract=">=1.1,<2", settings=Settings)
    """
    assert_contained(install, body, "each needs a default", "greeting", info=False)


@pytest.mark.parametrize(
    ("code", "name", "word"),
    [
        (GOOD, "swim.lap", "event kind"),
        (offering("skillcore_verification_sources", "[Gym()]", SOURCE), "gym", "source"),
        (offering("skillcore_signal_rules", "[Volunteering()]", RULE), "volunteering", "rule"),
        (offering("skillcore_scoring_formulas", "[Works()]", FORMULA), "works", "formula"),
        (offering("skillcore_achievements", f"[{ACHIEVEMENT}]"), "first-ten", "achievement"),
    ],
)
def test_of_two_plugins_that_offer_the_same_the_later_by_name_is_refused(install, code, name, word):
    install("zeta", code, distribution="zeta-tools", version="1.1")
    install("alpha", code, distribution="alpha-tools", version="1.2")

    plugins = load("alpha", "zeta")

    assert state(plugins, "alpha").state == "active"
    refused = state(plugins, "zeta")
    assert refused.state == "failed"
    for expected in (word, repr(name), "zeta-tools 1.1", "alpha-tools 1.2", "plugin alpha", "uninstall"):
        assert expected in refused.error


def test_the_defaults_win_against_a_name_that_sorts_before_them(install):
    install("aaa", offering("skillcore_scoring_formulas", "[Works()]", FORMULA.replace('"works"', '"level"')))

    plugins = load("aaa")

    assert state(plugins, "defaults").state == "active"
    assert "'level'" in state(plugins, "aaa").error
    assert "plugin defaults (skillcore " in state(plugins, "aaa").error


def test_sources_and_advisors_share_their_names(install):
    install("a", offering("skillcore_verification_sources", "[Gym()]", SOURCE))
    advisor = """
class Shelf(PathAdvisor):
    name = "gym"
    server = MCPServer(tools=(Tool("find"),), settings=ServerSettings(command="shelf"))

    async def advise(self, tools, topics):
        return ()
"""
    install("b", offering("skillcore_path_advisors", "[Shelf()]", advisor))

    plugins = load("a", "b")

    assert plugins.owner("gym") == "a"
    assert "'gym'" in state(plugins, "b").error


def test_two_distributions_with_a_plugin_of_the_same_name(install):
    install("gym", GOOD, distribution="one")
    install("gym", GOOD, distribution="two")

    first, second = [plugin for plugin in load("gym").plugins if plugin.name == "gym"]

    assert (first.state, first.distribution) == ("active", "one")
    assert second.state == "failed"
    assert "one 1.0" in second.error
    assert "two 1.0" in second.error


def test_a_blocked_plugin_is_not_even_imported(install):
    install("broken", "raise RuntimeError")
    install("good", GOOD)

    plugins = load("broken", "good", block=["broken"])

    assert state(plugins, "broken").state == "blocked"
    assert state(plugins, "broken").blocked_by == "plugins.block"
    assert state(plugins, "broken").error is None
    assert state(plugins, "good").blocked_by is None
    assert "acme_broken_broken" not in sys.modules


def test_what_is_not_allowed_is_blocked(install):
    install("broken", "raise RuntimeError")
    install("good", GOOD)

    plugins = load("good")

    assert state(plugins, "broken").state == "blocked"
    assert state(plugins, "broken").blocked_by == "plugins.allow"
    assert state(load("good", "broken", block=["broken"]), "broken").blocked_by == "plugins.block"


def test_strict_names_all_failures_at_once(install):
    install("one", "raise RuntimeError('first')")
    install("three", GOOD)
    install("two", "raise RuntimeError('second')", distribution="acme-two", version="4")

    with pytest.raises(PluginsFailed) as caught:
        load("one", "two", "three", strict=True)

    assert [plugin.name for plugin in caught.value.failures] == ["one", "two"]
    for word in ("one", "first", "two", "acme-two 4", "second", "plugins.strict"):
        assert word in str(caught.value)


def test_a_failure_is_logged(install, caplog):
    install("broken", "raise RuntimeError('no such luck')")

    load("broken")

    assert "plugin broken (acme-broken 1.0) failed: importing it raised RuntimeError: no such luck" in caplog.text


def test_modules_given_by_a_test_load_like_installed_ones():
    module = ModuleType("given")
    module.skillcore_plugin = lambda: None

    plugins = load("given", extra=[("given", module)])

    assert "skillcore_plugin is not marked" in state(plugins, "given").error


def test_a_plugin_that_the_start_waits_for_is_named(install, monkeypatch):
    named, messages = threading.Event(), []
    monkeypatch.setattr("skillcore.plugin.manager.SLOW", 0.05)
    monkeypatch.setattr(threading, "named_in_the_log", named, raising=False)  # what the plugin can reach
    handler = logging.Handler()

    def emit(record):
        messages.append(record.getMessage())
        if record.args[0] == "slow":
            named.set()

    handler.emit = emit
    log = logging.getLogger("skillcore.plugin.manager")
    install("good", GOOD)
    install("slow", "import threading\nassert threading.named_in_the_log.wait(10)")

    log.addHandler(handler)
    try:
        assert state(load("good", "slow"), "slow").state == "active"
    finally:
        log.removeHandler(handler)

    told = "plugin slow (acme-slow 1.0) has been loading for 0.05 s, and the start waits for it; plugins.block leaves it out"
    assert told in messages


def test_what_the_nature_of_a_plugin_prevents_is_kept_with_its_reason(install):
    exempt = "{'history-offered': 'the site shows nothing older than a day'}"
    body = f"@hookimpl\ndef skillcore_plugin():\n    return PluginInfo('>=1.1,<2', exempt={exempt})\n"
    install("honest", body, info=False)

    assert state(load("honest"), "honest").exempt == {"history-offered": "the site shows nothing older than a day"}


@pytest.mark.parametrize("exempt", ["{'history-offered': ''}", "['history-offered']", "{'loads': 3}", "object()", "None"])
def test_an_exemption_without_a_reason(install, exempt):
    body = f"@hookimpl\ndef skillcore_plugin():\n    return PluginInfo('>=1.1,<2', exempt={exempt})\n"
    assert_contained(install, body, "exempt", "with reasons", info=False)

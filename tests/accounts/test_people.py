"""People: set-up, signing up and in, platforms' members, and who may know whom."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import bcrypt
import pytest
from sqlalchemy import func, select, text

from skillcore.accounts import people
from skillcore.accounts.access import Actor
from skillcore.accounts.passwords import Passwords, digest
from skillcore.accounts.roles import one_at_a_time
from skillcore.accounts.setup_token import ensure_token
from skillcore.accounts.tables import MembershipRow, UserRow
from skillcore.runtime.clock import new_id
from skillcore.runtime.problems import NotFound
from tests.visitors import PASSWORD, Door, Visitor

WAITING = """select count(*) from pg_locks where locktype = 'advisory' and not granted
  and database = (select oid from pg_database where datname = current_database())"""


def setup_token(door: Door) -> Path:
    path = ensure_token(door.engine.database.dsn, door.engine.settings.data_dir)
    assert path is not None
    return path


async def test_the_token_is_in_a_file_for_the_owner_alone(door: Door) -> None:
    path = setup_token(door)
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_text()
    assert len(content.strip()) >= 43
    assert setup_token(door) == path
    assert path.read_text() == content


async def test_there_is_one_first_administrator(door: Door) -> None:
    path = setup_token(door)
    token = path.read_text().strip()

    async def attempt(number: int) -> int:
        body = {"token": token, "email": f"root{number}@example.org", "password": PASSWORD}
        return (await door.anyone.post("/api/setup", body)).status_code

    statuses = await asyncio.gather(*(attempt(number) for number in range(20)))
    assert sorted(statuses) == [201] + [409] * 19
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).where(UserRow.role == "admin")) == 1
        assert await tx.session.scalar(select(func.count()).select_from(UserRow)) == 1
    assert not path.exists()
    assert ensure_token(door.engine.database.dsn, door.engine.settings.data_dir) is None


async def test_set_up_needs_the_token_of_the_file(door: Door) -> None:
    body = {"token": "guess", "email": "root@example.org", "password": PASSWORD}
    for guess in ("guess", " ", "\t"):  # before there is a file there is no token, not even an empty one
        assert (await door.anyone.post("/api/setup", body | {"token": guess})).status_code == 403
    token = setup_token(door).read_text().strip()
    assert (await door.anyone.post("/api/setup", body)).status_code == 403
    assert (await door.anyone.post("/api/setup", body | {"token": ""})).status_code == 422
    for easy in ("short", "passwordpassword", "root@example.orgroot@example.org"):
        answer = await door.anyone.post("/api/setup", body | {"token": token, "password": easy})
        assert (answer.status_code, answer.json()["field"]) == (422, "password")
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(UserRow)) == 0


async def test_a_token_file_that_was_left_over_is_removed(door: Door) -> None:
    path = setup_token(door)
    await door.admin()
    path.write_text("left over")
    assert ensure_token(door.engine.database.dsn, door.engine.settings.data_dir) is None
    assert not path.exists()


async def test_whoever_sets_up_waits_for_who_does_already(door: Door) -> None:
    """Without waiting both would see that there is no administrator yet."""
    body = {"token": setup_token(door).read_text().strip(), "email": "late@example.org", "password": PASSWORD}
    async with asyncio.timeout(30), door.engine.transaction() as tx:
        await one_at_a_time(tx)
        tx.session.add(UserRow(id=new_id(), role="admin"))
        await tx.session.flush()
        late = asyncio.create_task(door.anyone.post("/api/setup", body))
        async with door.engine.transaction() as watching:
            while not (await watching.session.execute(text(WAITING))).scalar_one():
                assert not late.done(), "it has not waited"
    assert (await late).status_code == 409
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(UserRow)) == 1


async def test_sign_up_and_in(door: Door) -> None:
    account = {"email": "Ada@Example.org", "password": PASSWORD, "display_name": "Ada", "time_zone": "Europe/Vienna"}
    made = await door.anyone.post("/api/auth/register", account)
    assert made.status_code == 201
    assert (made.json()["token_type"], made.json()["expires_in"]) == ("Bearer", 900)
    entered = await door.anyone.post("/api/auth/login", {"email": "ada@example.ORG", "password": PASSWORD})
    assert entered.status_code == 200
    profile = await Visitor(door.client, entered.json()["access_token"]).get("/api/auth/profile")
    shown = profile.json()
    assert shown.pop("created_at")
    assert shown == {
        "id": made.json()["user"]["id"],
        "email": "Ada@Example.org",
        "email_verified": False,
        "display_name": "Ada",
        "role": "learner",
        "time_zone": "Europe/Vienna",
    }


async def test_a_password_stays_good_until_it_is_changed(door: Door) -> None:
    """However old the account is: whatever moment its row may ever hold is put back by decades."""
    account = {"email": "ada@example.org", "password": PASSWORD}
    await door.anyone.post("/api/auth/register", account)
    young = await door.anyone.post("/api/auth/login", account)
    moments = "select column_name from information_schema.columns where table_name = 'users' and data_type like 'timestamp%'"
    async with door.engine.transaction() as tx:
        columns = [str(name) for name in await tx.session.scalars(text(moments))]
        assert "created_at" in columns
        put_back = ", ".join(f"{name} = {name} - interval '40 years'" for name in columns)
        await tx.session.execute(text(f"update users set {put_back}"))
    old = await door.anyone.post("/api/auth/login", account)
    assert old.status_code == 200
    assert old.json().keys() == young.json().keys()  # and nobody is told to choose another one
    ada = Visitor(door.client, old.json()["access_token"])
    assert (await ada.get("/api/auth/profile")).json()["created_at"] < "2000"
    change = {"current_password": PASSWORD, "password": f"another {PASSWORD}"}
    assert (await ada.send("PUT", "/api/auth/password", json=change)).status_code == 204
    assert (await door.anyone.post("/api/auth/login", account)).status_code == 401


async def test_an_address_has_one_account(door: Door) -> None:
    bodies = [{"email": email, "password": PASSWORD} for email in ("a@example.org", "A@example.org") * 5]
    answers = await asyncio.gather(*(door.anyone.post("/api/auth/register", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert {answer.json()["field"] for answer in answers if answer.status_code == 409} == {"email"}


async def test_wrong_address_and_wrong_password_look_the_same(door: Door) -> None:
    await door.learner("ada@example.org")
    wrong = await door.anyone.post("/api/auth/login", {"email": "ada@example.org", "password": "wrong password"})
    unknown = await door.anyone.post("/api/auth/login", {"email": "nobody@example.org", "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content


async def test_members_of_platforms_cannot_sign_in(door: Door) -> None:
    platform = await door.platform("users:write")
    assert (await platform.key.post("/api/users", {"external_id": "a"})).status_code == 201
    for password in ("", PASSWORD):
        answer = await door.anyone.post("/api/auth/login", {"email": "a", "password": password})
        assert answer.status_code in {401, 422}


async def test_nobody_knows_takes_a_hash_too(door: Door) -> None:
    """An unknown address is checked against a hash of the same cost: that is what takes the time."""
    passwords = door.engine.service(Passwords)
    assert passwords._nobody.startswith(b"$2b$04$")
    assert not await passwords.fits("anything", None)


def test_every_character_of_a_passphrase_counts() -> None:
    long = "x" * 100
    kept = bcrypt.hashpw(digest(long), bcrypt.gensalt(4))
    assert bcrypt.checkpw(digest(long), kept)
    assert not bcrypt.checkpw(digest(long + "y"), kept)
    assert len(digest(long)) == 64


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"email": "a@b c"}, "email"),
        ({"password": "short"}, "password"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "localtime"}, "time_zone"),
        ({"time_zone": "posixrules"}, "time_zone"),
        ({"time_zone": "posix/Europe/Vienna"}, "time_zone"),
        ({"time_zone": "right/Europe/Vienna"}, "time_zone"),
        ({"role": "admin"}, "role"),
        ({"display_name": "a\0b"}, "display_name"),
        ({"display_name": 5}, "display_name"),
    ],
)
async def test_fields_are_checked(door: Door, change: dict[str, object], field: str) -> None:
    answer = await door.anyone.post("/api/auth/register", {"email": "a@example.org", "password": PASSWORD} | change)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_platform_brings_a_person_once(door: Door) -> None:
    platform = await door.platform("users:write", "users:read")
    body = {"external_id": "student-17", "display_name": "Ada", "time_zone": "Europe/Vienna"}
    answers = await asyncio.gather(*(platform.key.post("/api/users", body) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    (person,) = {answer.content for answer in answers}
    again = await platform.key.post("/api/users", body | {"display_name": "Somebody else"})
    assert (again.status_code, again.content) == (200, person)
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(select(func.count()).select_from(MembershipRow)) == 1
        assert await tx.session.scalar(select(func.count()).select_from(UserRow)) == 2  # and the administrator


async def test_two_platforms_may_use_the_same_name_for_two_people(door: Door) -> None:
    ours, theirs = await door.platform("users:write", "users:read"), await door.platform("users:write", "users:read")
    one = (await ours.key.post("/api/users", {"external_id": "a"})).json()
    other = (await theirs.key.post("/api/users", {"external_id": "a"})).json()
    assert one["id"] != other["id"]
    assert (await ours.key.get("/api/users/ext:a")).json()["id"] == one["id"]
    assert (await theirs.key.get("/api/users/ext:a")).json()["id"] == other["id"]
    foreign, absent = await ours.key.get(f"/api/users/{other['id']}"), await ours.key.get(f"/api/users/{uuid4()}")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content == absent.content


async def test_a_learner_knows_nobody_else(door: Door) -> None:
    ada, ada_id = await door.learner("ada@example.org")
    _, bob_id = await door.learner("bob@example.org")
    assert (await ada.get("/api/users/me")).json()["id"] == ada_id
    assert (await ada.get(f"/api/users/{ada_id}")).status_code == 200
    foreign = await ada.get(f"/api/users/{bob_id}")
    assert foreign.status_code == 404
    for reference in (str(uuid4()), "ext:bob", "nonsense", "me%20", "%2e%2e"):
        absent = await ada.get(f"/api/users/{reference}")
        assert (absent.status_code, absent.content) == (404, foreign.content)
    assert (await ada.get("/api/users")).status_code == 403
    assert (await (await door.admin()).get(f"/api/users/{bob_id}")).json()["id"] == bob_id


async def test_members_come_in_pages(door: Door) -> None:
    platform, other = await door.platform("users:write", "users:read"), await door.platform("users:write")
    names = [f"s{number}" for number in range(7)]
    for name in names:
        await platform.key.post("/api/users", {"external_id": name})
    await other.key.post("/api/users", {"external_id": "theirs"})
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while cursor is not None or pages == 0:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await platform.key.get("/api/users", params=query)).json()
        seen += [person["external_id"] for person in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (seen, pages) == (names, 3)
    everyone = (await (await door.admin()).get("/api/users")).json()["items"]
    assert len(everyone) == 9  # with the administrator


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cursor": "%%%"}, "cursor"),
        ({"cursor": "bm90IGpzb24"}, "cursor"),
        ({"cursor": "IjEi"}, "cursor"),
        ({"cursor": "ä"}, "cursor"),
        ({"cursor": "x" * 2000}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "many"}, "limit"),
    ],
)
async def test_a_bad_query_is_named(door: Door, query: dict[str, str], field: str) -> None:
    answer = await (await door.admin()).get("/api/users", params=query)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_references_resolve_for_those_who_may_know(door: Door) -> None:
    platform = await door.platform("users:write")
    member = (await platform.key.post("/api/users", {"external_id": "a"})).json()["id"]
    _, ada = await door.learner()
    async with door.engine.transaction() as tx:
        row = (await tx.session.scalars(select(MembershipRow))).one()
        key = Actor(kind="key", platform_id=row.platform_id)
        person = Actor(
            kind="user",
            user_id=(await tx.session.scalar(select(UserRow.id).where(UserRow.email.is_not(None), UserRow.role == "learner"))),
        )
        for write in (False, True):
            assert str(await people.resolve(tx, key, "ext:a", write=write)) == member
            assert str(await people.resolve(tx, key, member, write=write)) == member
            assert str(await people.resolve(tx, person, "me", write=write)) == ada
        for actor, reference in ((key, "me"), (key, ada), (key, "ext:"), (person, "ext:a"), (person, member), (person, "")):
            with pytest.raises(NotFound):
                await people.resolve(tx, actor, reference)


async def test_platforms_and_keys_are_for_administrators(door: Door) -> None:
    ada, _ = await door.learner()
    admin = await door.admin()
    platform = (await admin.post("/api/platforms", {"name": "School"})).json()
    assert (await admin.get("/api/platforms")).json() == {"items": [platform], "next_cursor": None}
    for method, path in (("POST", ""), ("GET", ""), ("GET", f"/{platform['id']}"), ("POST", f"/{platform['id']}/keys")):
        assert (await ada.send(method, f"/api/platforms{path}", json={"name": "x"})).status_code == 403
    assert (await admin.get(f"/api/platforms/{uuid4()}/keys")).status_code == 404
    assert (await admin.get("/api/platforms/nonsense")).status_code == 404
    keys = f"/api/platforms/{platform['id']}/keys"
    bad = await admin.post(keys, {"name": "x", "scopes": ["everything"]})
    assert (bad.status_code, bad.json()["field"]) == (422, "scopes[0]")
    late = await admin.post(keys, {"name": "x", "scopes": ["users:read"], "expires_at": "2020-01-01T00:00:00Z"})
    assert (late.status_code, late.json()["field"]) == (422, "expires_at")
    assert (await admin.post(keys, {"name": "x", "scopes": []})).json()["field"] == "scopes"
    assert (await admin.send("DELETE", f"{keys}/{uuid4()}")).status_code == 404


@pytest.mark.parametrize("reference", ["ext:a%00b", "a%00b", "%00"])
async def test_a_reference_that_no_text_can_hold_is_refused(door: Door, reference: str) -> None:
    platform = await door.platform("users:read")
    answer = await platform.key.get(f"/api/users/{reference}")
    assert answer.status_code == 400
    platform_id = UUID(platform.id)
    async with door.engine.transaction() as tx:  # and those who come another way find nobody
        with pytest.raises(NotFound):
            await people.resolve(tx, Actor(kind="key", platform_id=platform_id), reference.replace("%00", "\0"))

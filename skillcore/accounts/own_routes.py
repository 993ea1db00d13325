"""The routes by which people come in, and tend what they prove themselves with."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from skillcore.accounts import devices, emails, login, people, profiles, recovery, registration, second_factor, setup
from skillcore.accounts.access import Actor, access, admin, public, user
from skillcore.accounts.login import Entered
from skillcore.accounts.one_time import Link
from skillcore.accounts.routes import PersonInPath
from skillcore.accounts.signed_in import SignedIn, answer, check_keep
from skillcore.runtime.engine import Engine

__all__ = ["ROUTES"]

WRITTEN = "If the address can be written to, a mail is on its way: look there. It says the same for any address."


def came_in(entered: Entered, status_code: int) -> Response[SignedIn]:
    """Return the answer to somebody who has come in, with what their device is to keep."""
    response = answer(entered.session, status_code)
    if entered.device_token:
        response.content = msgspec.structs.replace(response.content, device_token=entered.device_token)
        if entered.session.cookie:
            response.cookies.append(devices.to_keep(entered.device_token))
    return response


@post("/api/setup", opt={"access": access(public()), "secret": True}, tags=["accounts"], summary="Make the first administrator")
async def set_up(
    engine: NamedDependency[Engine], request: Request[Any, Any, Any], data: JSONBody[setup.NewAdministrator]
) -> Response[SignedIn]:
    """Works once, with the token from the file that the start of the service named."""
    check_keep(engine, request, data.keep)
    return came_in(await setup.set_up(engine, data), 201)


@post(
    "/api/auth/register",
    opt={"access": access(public()), "secret": True, "statuses": {202: WRITTEN}, "bodiless": (202,)},
    tags=["accounts"],
    summary="Sign up",
)
async def register(
    engine: NamedDependency[Engine], request: Request[Any, Any, Any], data: JSONBody[registration.NewAccount]
) -> Response[SignedIn]:
    """Makes a learner's account and signs it in; where mails can be sent, once the one to its address was answered."""
    check_keep(engine, request, data.keep)
    entered = await registration.register(engine, data)
    return came_in(entered, 201) if entered else Response(b"", status_code=202)  # type: ignore[arg-type] # which is none


@post(
    "/api/auth/register/confirm",
    opt={"access": access(public()), "secret": True},
    tags=["accounts"],
    summary="Finish signing up",
)
async def confirm_registration(
    engine: NamedDependency[Engine], request: Request[Any, Any, Any], data: JSONBody[registration.Confirmation]
) -> Response[SignedIn]:
    """Makes the account with the token of the mail and the password that was chosen, and signs it in."""
    check_keep(engine, request, data.keep)
    return came_in(await registration.confirm(engine, data), 201)


@post(
    "/api/auth/login",
    status_code=200,
    opt={"access": access(public()), "secret": True},
    tags=["accounts"],
    summary="Sign in",
)
async def sign_in(
    engine: NamedDependency[Engine], request: Request[Any, Any, Any], data: JSONBody[login.Credentials]
) -> Response[SignedIn]:
    """Gives an access token and a refresh token, or a cookie. Where `code_required` is said, send the code as well."""
    check_keep(engine, request, data.keep)
    return came_in(await login.login(engine, data, devices.token_in(request, data.device_token)), 200)


@get("/api/auth/profile", opt={"access": access(user())}, tags=["accounts"], summary="Read your own account")
async def read_profile(engine: NamedDependency[Engine], actor: NamedDependency[Actor]) -> profiles.Profile:
    """Tells who is signed in."""
    async with engine.transaction() as tx:
        return await profiles.profile(tx, actor)


@patch("/api/auth/profile", opt={"access": access(user())}, tags=["accounts"], summary="Change your own account")
async def change_profile(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[profiles.ProfileChanges]
) -> profiles.Profile:
    """Changes name and time zone; what is left out stays."""
    async with engine.transaction() as tx:
        return await profiles.change(tx, actor, data)


@put(
    "/api/auth/password",
    status_code=204,
    opt={"access": access(user())},
    tags=["accounts"],
    summary="Change your password",
)
async def change_password(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[recovery.ChangedPassword]
) -> None:
    """Needs the present one. All your other sessions end."""
    await recovery.change(engine, actor, data)


@post(
    "/api/auth/password/forgotten",
    status_code=202,
    opt={"access": access(public())},
    tags=["accounts"],
    summary="Ask for a new password",
)
async def forget_password(engine: NamedDependency[Engine], data: JSONBody[recovery.Forgotten]) -> Response[None]:
    """Writes to the address, if it has an account; the answer is the same if not. 403 where no mails can be sent."""
    await recovery.forgotten(engine, data)
    return Response(b"", status_code=202)  # type: ignore[arg-type] # which is no body


@post(
    "/api/auth/password/reset",
    status_code=200,
    opt={"access": access(public()), "secret": True},
    tags=["accounts"],
    summary="Choose a new password",
)
async def reset_password(engine: NamedDependency[Engine], data: JSONBody[recovery.ResetPassword]) -> recovery.KnownDevice:
    """Takes the token of a mail or of an administrator, once. All sessions end. Sign in with the `device_token`."""
    return await recovery.reset(engine, data)


@put(
    "/api/auth/email",
    status_code=200,
    opt={"access": access(user()), "statuses": {202: "It is changed once the mail to the new address was answered."}},
    tags=["accounts"],
    summary="Change your address",
)
async def change_email(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[emails.ChangedEmail]
) -> Response[profiles.Profile]:
    """Needs your password. Where mails can be sent, the new address must answer, and the old one is told."""
    changed = await emails.change(engine, actor, data)
    async with engine.transaction() as tx:
        return Response(await profiles.profile(tx, actor), status_code=200 if changed else 202)


@post(
    "/api/auth/email/verify",
    status_code=202,
    opt={"access": access(user())},
    tags=["accounts"],
    summary="Have your address proved",
)
async def verify_email(engine: NamedDependency[Engine], actor: NamedDependency[Actor]) -> Response[None]:
    """Writes to your present address. 403 where no mails can be sent, 409 if it is proved."""
    await emails.verify(engine, actor)
    return Response(b"", status_code=202)  # type: ignore[arg-type] # which is no body


@post(
    "/api/auth/email/confirm",
    status_code=204,
    opt={"access": access(public())},
    tags=["accounts"],
    summary="Prove an address",
)
async def confirm_email(engine: NamedDependency[Engine], data: JSONBody[emails.ConfirmedEmail]) -> None:
    """Takes the token of a mail, once: the address that it went to is proved, and the account's."""
    async with engine.transaction() as tx:
        await emails.confirm(tx, data)


@get("/api/auth/second-factor", opt={"access": access(user())}, tags=["accounts"], summary="Read your second factor")
async def read_second_factor(engine: NamedDependency[Engine], actor: NamedDependency[Actor]) -> second_factor.SecondFactor:
    """Tells whether there is one, and how many recovery codes are left."""
    async with engine.transaction() as tx:
        return await second_factor.state(tx, actor)


@post(
    "/api/auth/second-factor",
    opt={"access": access(user()), "secret": True},
    tags=["accounts"],
    summary="Make a second factor",
)
async def begin_second_factor(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[second_factor.Proof]
) -> second_factor.NewSecret:
    """Shows the secret for your device (TOTP), once. Nothing asks for codes before one was confirmed."""
    return await second_factor.begin(engine, actor, data)


@post(
    "/api/auth/second-factor/confirm",
    status_code=200,
    opt={"access": access(user()), "secret": True},
    tags=["accounts"],
    summary="Enable your second factor",
)
async def confirm_second_factor(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[second_factor.Code]
) -> second_factor.RecoveryCodes:
    """Takes a code that your device shows, and shows the recovery codes, once. All your other sessions end."""
    return await second_factor.confirm(engine, actor, data)


@post(
    "/api/auth/second-factor/recovery-codes",
    status_code=200,
    opt={"access": access(user()), "secret": True},
    tags=["accounts"],
    summary="Replace your recovery codes",
)
async def renew_recovery_codes(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[second_factor.FullProof]
) -> second_factor.RecoveryCodes:
    """Needs password and code. The former codes work no longer. All your other sessions end."""
    return await second_factor.renew_codes(engine, actor, data)


@post(
    "/api/auth/second-factor/disable",
    status_code=204,
    opt={"access": access(user())},
    tags=["accounts"],
    summary="Disable your second factor",
)
async def disable_second_factor(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[second_factor.FullProof]
) -> None:
    """Needs password and code. All your other sessions end."""
    await second_factor.disable(engine, actor, data)


@post("/api/invitations", opt={"access": access(admin()), "secret": True}, tags=["users"], summary="Invite a person")
async def invite_person(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], data: JSONBody[recovery.Invitation]
) -> recovery.Invited:
    """Makes a learner's account, and shows a token by which its person chooses a password, once; a mail has one as well."""
    async with engine.transaction() as tx:
        return await recovery.invite(tx, actor, data)


@post(
    "/api/users/{person:str}/password-reset",
    opt={"access": access(admin()), "secret": True},
    tags=["users"],
    summary="Let a person choose a password",
)
async def issue_reset(engine: NamedDependency[Engine], actor: NamedDependency[Actor], person: PersonInPath) -> Link:
    """Shows a token to be handed to them, once."""
    async with engine.transaction() as tx:
        return await recovery.link_for(tx, actor, await people.resolve(tx, actor, person))


@delete(
    "/api/users/{person:str}/second-factor",
    opt={"access": access(admin())},
    tags=["users"],
    summary="Remove a lost second factor",
)
async def remove_second_factor(engine: NamedDependency[Engine], actor: NamedDependency[Actor], person: PersonInPath) -> None:
    """Their sessions end; they sign in with their password alone, until they make another one."""
    async with engine.transaction() as tx:
        await second_factor.remove(tx, actor, await people.resolve(tx, actor, person))


ROUTES: tuple[ControllerRouterHandler, ...] = (
    set_up,
    register,
    confirm_registration,
    sign_in,
    read_profile,
    change_profile,
    change_password,
    forget_password,
    reset_password,
    change_email,
    verify_email,
    confirm_email,
    read_second_factor,
    begin_second_factor,
    confirm_second_factor,
    renew_recovery_codes,
    disable_second_factor,
    invite_person,
    issue_reset,
    remove_second_factor,
)

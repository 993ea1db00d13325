"""The room `accounts`, as processes and commands take it."""

from datetime import timedelta

from skillcore.accounts import (
    devices,
    elsewhere,
    identity_routes,
    limits,
    membership_routes,
    mentor_routes,
    mentors,
    one_time,
    own_routes,
    routes,
    session_routes,
    sessions,
)
from skillcore.accounts.audit import routes as audit_routes
from skillcore.accounts.audit.checks import CHECKS
from skillcore.accounts.audit.erasure import strip_audit
from skillcore.accounts.audit.lane import Lane
from skillcore.accounts.limits import Limiter
from skillcore.accounts.passwords import Passwords
from skillcore.accounts.tokens import Tokens
from skillcore.runtime.rooms import Retention, Room

__all__ = ["ROOM"]

ROOM = Room(
    name="accounts",
    routes=(
        *own_routes.ROUTES,
        *session_routes.ROUTES,
        *identity_routes.ROUTES,
        *routes.ROUTES,
        *membership_routes.ROUTES,
        *mentor_routes.ROUTES,
        *audit_routes.ROUTES,
    ),
    checks=CHECKS,
    retention=(
        Retention(name="sessions", kept=lambda _: timedelta(), forget=sessions.forget_expired),
        Retention(name="mentors' invitations", kept=lambda _: timedelta(), forget=mentors.forget_expired),
        Retention(name="one-time tokens", kept=lambda _: timedelta(), forget=one_time.forget_expired),
        Retention(name="spent limits", kept=lambda _: timedelta(), forget=limits.forget_expired),
        Retention(name="devices", kept=lambda _: devices.KEPT, forget=devices.forget_expired),
        Retention(name="sign-ins elsewhere", kept=lambda _: timedelta(), forget=elsewhere.forget_expired),
    ),
    services={"api": (Passwords.opened, Tokens.opened, Lane.opened, Limiter.opened)},
    erase=(strip_audit,),
)

"""GitHub as a verification source: commits and merged pull requests of a linked account."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from skillcore.plugin import OAuthClient, OAuthProof, PluginInfo, ServerSettings, VerificationSource, hookimpl
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.source import GitHub

__all__ = ["Settings"]

NPM_SERVER = ServerSettings(command="npx", args=("-y", "@modelcontextprotocol/server-github@2025.4.8"), calls_per_second=1)

Address = Annotated[str, Meta(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*[^\s/?#])?\Z", max_length=300)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.github]``.

    Attributes:
        dialect: which server answers: the ``npm`` one, or GitHub's ``official`` one; ``auto`` takes a URL for the official.
        max_pages: pages of 100 rows to read at most in one verification; what lies beyond is undecided.
        oauth: the OAuth app under which GitHub knows this deployment; with it, people can sign in there.
        site: where they sign in; another for GitHub Enterprise.
        api: where GitHub's web API tells who they are; ``https://HOST/api/v3`` for GitHub Enterprise.
        server: how to reach the MCP server.
    """

    dialect: Literal["auto", "npm", "official"] = "auto"
    max_pages: Annotated[int, Meta(ge=1, le=100)] = 10
    oauth: OAuthClient = OAuthClient()
    site: Address = "https://github.com"
    api: Address = "https://api.github.com"
    server: ServerSettings = NPM_SERVER

    @property
    def proof(self) -> OAuthProof:
        """How people sign in. The engine offers it where there is a client. Without scopes the token says only whose it is.

        One token is taken back and not the whole grant, with which tokens would go that the person has got since.
        """
        return OAuthProof(
            client=self.oauth,
            authorize_url=f"{self.site}/login/oauth/authorize",
            token_url=f"{self.site}/login/oauth/access_token",
            user_url=f"{self.api}/user",
            id_field="id",
            handle_field="login",
            revoke_url=f"{self.api}/applications/{self.oauth.client_id}/token",
            revoke_method="DELETE",
        )


@hookimpl
def skillcore_plugin() -> PluginInfo:
    """Introduce the plugin."""
    return PluginInfo(contract=">=1.1,<2", settings=Settings)


@hookimpl
def skillcore_verification_sources(settings: Settings) -> Iterable[VerificationSource[Any]]:
    """Offer GitHub."""
    official = settings.dialect == "official" or (settings.dialect == "auto" and bool(settings.server.url))
    dialect = OFFICIAL if official else NPM
    return (GitHub(settings.server, dialect, max_pages=settings.max_pages, proof=settings.proof),)

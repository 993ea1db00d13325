// A real OpenID provider for tests: anybody signs in under any name. It demands PKCE, takes a code once, and signs with RS256.
// node identity_provider.mjs PREFIX REDIRECT_URI, where PREFIX holds node_modules; prints {"issuer": …} once it listens.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [prefix, redirectUri] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${prefix}/`));
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")).href);

let handle = () => {};
const server = createServer((request, response) => handle(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      { client_id: "skillcore", client_secret: "a secret of the site", redirect_uris: [redirectUri] },
      {
        client_id: "posting",
        client_secret: "another secret",
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    claims: { openid: ["sub", "handle", "login", "id"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["only for tests"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, handle: id, login: id, id: 583000 + id.length }),
    }),
  });
  handle = provider.callback();
  console.log(JSON.stringify({ issuer }));
});

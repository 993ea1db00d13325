// A real OpenID provider for tests: anybody signs in under any name. It demands PKCE, takes a code once, and signs with RS256.
// It takes tokens back, and the client "keeping" gets refresh tokens, each good for one use.
// node identity_provider.mjs PREFIX REDIRECT_URI…, where PREFIX holds node_modules; prints {"issuer": …} once it listens.
// POST /people takes {"NAME": {claims}}: what it says of somebody from then on. POST /lapsed takes {"token": "…"}, an access token
// that has run out before its time.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [prefix, ...redirectUris] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${prefix}/`));
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")).href);

let handle = () => {};
let lapsed = () => {};
const people = new Map();
const server = createServer(async (request, response) => {
  if (!["/people", "/lapsed"].includes(request.url)) return handle(request, response);
  let body = "";
  for await (const part of request) body += part;
  const given = JSON.parse(body);
  if (request.url === "/lapsed") await lapsed(given.token);
  else for (const [name, claims] of Object.entries(given)) people.set(name, claims);
  response.end();
});
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      { client_id: "skillcore", client_secret: "a secret of the site", redirect_uris: redirectUris },
      {
        client_id: "posting",
        client_secret: "another secret",
        redirect_uris: redirectUris,
        token_endpoint_auth_method: "client_secret_post",
      },
      {
        client_id: "keeping",
        client_secret: "a third secret",
        redirect_uris: redirectUris,
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["authorization_code", "refresh_token"],
      },
    ],
    features: { revocation: { enabled: true } },
    issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
    rotateRefreshToken: true,
    claims: { openid: ["sub", "handle", "login", "id", "groups"], email: ["email", "email_verified"], profile: ["name"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["only for tests"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, handle: id, login: id, id: 583000 + id.length, ...people.get(id) }),
    }),
  });
  handle = provider.callback();
  lapsed = async (token) => (await provider.AccessToken.find(token)).destroy();
  console.log(JSON.stringify({ issuer }));
});
